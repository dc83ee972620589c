"""The curated environment: a pure function from policy to variables.

Nothing of the host's environment reaches a program unless the caller names it.
"""

from collections.abc import Iterable, Mapping

from devdev_exec._errors import ExecError

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked up unless the caller says otherwise."""

_FIXED = {
    "USER": "user",
    "LOGNAME": "user",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    # The output is read as text by programs: no colours, no cursor movement.
    # Who renders the screen passes the name of a capable terminal.
    "TERM": "dumb",
    # Nothing waits for a person: a pager prints, an editor leaves the text as it
    # is (so that `git commit` without a message ends with an error at once, and
    # merges and rebases take their default text), and git asks no password.
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "EDITOR": "true",
    "GIT_EDITOR": "true",
    "GIT_TERMINAL_PROMPT": "0",
}


def curated_environment(
    *,
    home: str,
    inherit: Iterable[str] = (),
    variables: Mapping[str, str] = {},
    path: str | None = None,
    host: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment of a program.

    Later sources win: the fixed variables with `home` and `path`, then what is
    inherited, then `variables`. PATH is `STANDARD_PATH` unless `path` is given:
    the host's own must be asked for like any other variable.

    Args:
        home: The value of HOME, an absolute path.
        inherit: Names to take from `host`. One that is not set there is left out,
            as env(1) and sudo(8) do: an opt-in names what may pass.
        variables: Names and values to set.
        path: The value of PATH.
        host: The environment to inherit from, usually `os.environ`.

    Raises:
        ExecError: A name that is empty or holds `=` or NUL, a value that holds
            NUL, or a `home` that is not absolute.
    """
    if isinstance(inherit, str):
        raise ExecError(f"inherit is a list of names, not one string: [{inherit!r}]")
    if not home.startswith("/"):
        raise ExecError(f"HOME must be an absolute path, not {home!r}")
    environment = {
        **_FIXED,
        "HOME": home,
        "PATH": STANDARD_PATH if path is None else path,
    }
    for name in inherit:
        _check_name(name)
        if name in host:
            environment[name] = host[name]
    for name, value in variables.items():
        _check_name(name)
        environment[name] = value
    for name, value in environment.items():
        if "\0" in value:
            raise ExecError(f"the value of {name!r} holds a NUL character")
    return environment


def _check_name(name: str) -> None:
    if not name:
        raise ExecError("the name of an environment variable is empty")
    for character, title in (("=", "'='"), ("\0", "a NUL character")):
        if character in name:
            raise ExecError(
                f"the name of an environment variable cannot hold {title}: {name!r}; "
                "a value is given beside the name, in `variables`"
            )
