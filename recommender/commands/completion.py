"""`recommend completion`."""

import click
from click.shell_completion import get_completion_class

from recommender.commands.common import COMPLETE

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def command(*, shell: str) -> None:
    """Print the lines by which SHELL (bash, zsh or fish) completes commands and options.

    \b
    bash: recommend completion bash > ~/.local/share/bash-completion/completions/recommend
    zsh:  recommend completion zsh > "${fpath[1]}/_recommend"
    fish: recommend completion fish > ~/.config/fish/completions/recommend.fish
    """  # noqa: D301 - click wants the letter itself
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    group = click.get_current_context().find_root().command
    click.echo(found(group, {}, "recommend", COMPLETE).source())
