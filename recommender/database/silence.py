"""How long a server may say nothing: its own limits are none where it is stopped, or the line is dead."""

from recommender.errors import RecommenderError

ANSWER_SECONDS = 3600.0
"""For an answer, or more of one, to a statement that the server has no limit for."""
EXPORT_MARGIN_SECONDS = 60.0
"""So much longer than QUERY_TIMEOUT_SECONDS, by which the server ends a query itself."""
LOCK_SECONDS = 60.0
"""For an answer on the connection that holds the run lock: what is asked there takes a server no time."""
CONNECT_SECONDS = 15
"""For a connection, with its login."""


class Silence:
    """Mixed into an error of the driver: the server did not answer so long, and the connection is closed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer for {seconds:g} seconds")  # type: ignore[call-arg]  # the error's
        self.seconds = seconds


def silence_in(error: BaseException | None) -> Silence | None:
    """The silence that led to a driver's error, such as one over the connection that is closed by then."""
    while error is not None and not isinstance(error, RecommenderError):  # that one was told already
        if isinstance(error, Silence):
            return error
        error = error.__cause__ or error.__context__
    return None
