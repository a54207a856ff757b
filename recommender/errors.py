"""The errors a person can meet, and the exit codes.

The tree, with the exit code of each branch:

    RecommenderError           1  also: disk full or no memory on our side
    ├── SettingsError          2  settings or usage, a folder we may not write
    ├── RefusedError           3  data or result refused; what was published stays
    │   └── ModelError         3  a model file that must not be used
    ├── DatabaseError          4  the database failed us, or the shop keeps it locked too long
    │   ├── TransientError     4  over in a moment: the connection ended, a deadlock, a server that starts
    │   └── OutcomeUnknownError 4 the connection ended in a commit, and nobody tells whether it happened
    └── LockedError            5  another run of ours holds the run lock

`Interrupted` stands beside the tree: it is a `BaseException`, as KeyboardInterrupt is, so that no handler
for errors swallows it.
"""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns; named here and nowhere else."""

    DONE = 0
    """Done."""
    UNEXPECTED = 1
    """Unexpected error; also a full disk or no memory on our side."""
    SETTINGS = 2
    """Usage or settings; a folder that may not be written."""
    REFUSED = 3
    """Data or result refused; what was published stays."""
    DATABASE = 4
    """The database failed, or the shop kept it locked too long."""
    LOCKED = 5
    """Another run is going on."""
    INTERRUPTED = 130
    """Interrupted (Ctrl-C)."""
    TERMINATED = 143
    """Terminated, or the terminal was closed."""


class RecommenderError(Exception):
    """Something a person can act on.

    Args:
        code: a short name for this kind of trouble. Each message ends with it, and docs/when-it-fails.md
            tells of it under that name.
        reason: what happened and where, naming the thing (file, table, column, setting). It goes into logs
            and records, so it has nothing of the shop's rows in it, such as a customer's key.
        what_to_do: a command to run or a setting to change.
        named: what of the shop's rows it is about, in sentences. Whoever calls the command is told, on
            stderr; nothing keeps it.
    """

    exit_code: ExitCode = ExitCode.UNEXPECTED

    def __init__(self, code: str, reason: str, what_to_do: str = "", *, named: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.what_to_do = what_to_do
        self.named = named

    @property
    def told(self) -> str:
        """The reason for the one who calls the command."""
        return f"{self.reason} {self.named}".strip()

    @property
    def sentences(self) -> str:
        """What happened and what to do, for a message that has its own code or needs none."""
        return f"{self.reason} {self.what_to_do}".strip()

    def __str__(self) -> str:
        return f"{self.sentences} [{self.code}]"


class SettingsError(RecommenderError):
    """A setting, an argument or a folder is wrong."""

    exit_code = ExitCode.SETTINGS


class RefusedError(RecommenderError):
    """The data or the result are not fit to publish; what was published stays."""

    exit_code = ExitCode.REFUSED


class ModelError(RefusedError):
    """A model file is missing, damaged or does not belong to the data."""


class DatabaseError(RecommenderError):
    """The database could not be reached, refused a statement, or stayed locked too long."""

    exit_code = ExitCode.DATABASE


class TransientError(DatabaseError):
    """What may be over in a moment; surely nothing was changed, so it may be tried again."""


class OutcomeUnknownError(DatabaseError):
    """The connection ended in the middle of a commit, and nobody tells whether it happened."""


class LockedError(RecommenderError):
    """Another run holds the run lock."""

    exit_code = ExitCode.LOCKED


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived; the stages clean up and let it pass."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(exit_code.name.lower())
        self.exit_code = exit_code


NOT_ALLOWED = frozenset(
    (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EISDIR, errno.EEXIST)
)
"""What the system answers where a path in the settings is wrong, or is not ours to use."""


def of_system(error: OSError) -> RecommenderError:
    """What the system refused, in our words."""
    where = f" {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = f"The disk is full{where and ' at' + where}; what was published stays."
        return RecommenderError("disk-full", full, "Free some space.")
    reason = f"Cannot use{where}: {error.strerror}."
    if error.errno in NOT_ALLOWED:
        return SettingsError("folder", reason, "Check DATA_DIR, the paths, their owner and mode.")
    return RecommenderError(
        "system", reason, "What was published stays. Check the disk and the machine's limits (ulimit -a)."
    )


def recordable(error: BaseException) -> str:
    """An error as logs and records may have it: what others' errors say can name a customer."""
    if isinstance(error, RecommenderError | Interrupted):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return str(of_system(error))
    return type(error).__name__


def exit_code_of(error: BaseException) -> ExitCode:
    """What the process returns for this error: one place for the command line and the run's record."""
    match error:
        case RecommenderError() | Interrupted():
            return error.exit_code
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
        case OSError() if error.errno is not None:
            return of_system(error).exit_code
    return ExitCode.UNEXPECTED
