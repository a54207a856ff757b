"""What a run tells while it goes on; the command line shows it on a terminal, elsewhere nobody listens."""


class Progress:
    """Listens to nothing; a subclass shows it."""

    def begin(self, stage: str) -> None:
        """A stage begins."""

    def update(self, done: int, total: int | None = None) -> None:
        """So much of the stage is done; `total` is None where nobody knows how much there is."""

    def end(self, summary: str, seconds: float) -> None:
        """The stage is done; `summary` says in a few words what it brought."""
