"""`Environment`: which variables a program finds, as a value.

Nothing of the host's environment reaches a program unless the caller names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

from devdev_exec._errors import ExecError

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked up unless the caller says otherwise."""

Preset = Literal["standard", "interactive", "minimal"]
"""What an environment begins with, beside HOME and PATH."""

_INTERACTIVE = {
    "USER": "user",
    "LOGNAME": "user",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    # The output is read as text by programs: no colours, no cursor movement.
    # Who renders the screen passes the name of a capable terminal.
    "TERM": "dumb",
}

# Nothing waits for a person: a pager prints, an editor leaves the text as it
# is (so that `git commit` without a message ends with an error at once, and
# merges and rebases take their default text), and git asks no password.
_UNATTENDED = {
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "EDITOR": "true",
    "GIT_EDITOR": "true",
    "GIT_TERMINAL_PROMPT": "0",
}

_PRESETS: dict[Preset, dict[str, str]] = {
    "standard": {**_INTERACTIVE, **_UNATTENDED},
    "interactive": _INTERACTIVE,
    "minimal": {},
}

_PATTERN_CHARACTERS = "*?["

# They have a program load or run what it was not asked to: see ld.so(8), bash(1),
# sh(1p), python(1), perlrun(1), ruby(1), node(1), git(1), less(1), glibc's iconv.
_LOADING = (
    "LD_*",
    "DYLD_*",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "BASH_ENV",
    "BASH_FUNC_*",
    "ENV",
    "PROMPT_COMMAND",
    "PYTHON*",
    "PERL5*",
    "PERLLIB",
    "RUBYOPT",
    "RUBYLIB",
    "NODE_OPTIONS",
    "NODE_PATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "GIT_*",
    "LESSOPEN",
    "LESSCLOSE",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The variables of a program.

    Later sources win: the preset with HOME and PATH, what is inherited, `variables`,
    `secrets`.
    """

    preset: Preset = "standard"
    """"standard" has USER, SHELL, LANG, TERM=dumb, and pagers, editors and git so set
    that none waits for a person; "interactive" is without the latter; "minimal" has
    HOME and PATH alone."""

    inherit: tuple[str, ...] = ()
    """Names of the host's variables, or shell patterns of names such as `LC_*`, to pass
    on. One that is not set there is left out, as env(1) and sudo(8) do.

    No pattern covers a variable that has programs load or run something, such as
    LD_PRELOAD, LD_LIBRARY_PATH, PYTHONSTARTUP, BASH_ENV, NODE_OPTIONS, or those of
    git: such a one passes if it is named in full."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Names and values to set."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    """The same, for values that this package never shows: in no representation, error,
    log or result. What a program writes is passed on as it is, secrets included."""

    path: str | None = None
    """The value of PATH; None is `STANDARD_PATH`. The host's has to be inherited like
    any other variable."""

    def __post_init__(self) -> None:
        """Check what can be without the host.

        Raises:
            ExecError: a name that is empty or holds `=` or NUL, a value that holds
                NUL, no such preset.
        """
        if self.preset not in _PRESETS:
            known = ", ".join(get_args(Preset))
            raise ExecError(f"there is no preset {self.preset!r}, but {known}")
        if isinstance(self.inherit, str):
            raise ExecError(
                f"inherit is a list of names, not one string: [{self.inherit!r}]"
            )
        object.__setattr__(self, "inherit", tuple(self.inherit))
        object.__setattr__(self, "variables", dict(self.variables))
        object.__setattr__(self, "secrets", dict(self.secrets))
        for name in (*self.inherit, *self.variables, *self.secrets):
            _check_name(name)
        for name, value in (*self.variables.items(), *self.secrets.items()):
            _check_value(name, value)
        if self.path is not None:
            _check_value("PATH", self.path)

    def __repr__(self) -> str:
        shown = [
            f"preset={self.preset!r}",
            f"inherit={self.inherit!r}",
            f"variables={dict(self.variables)!r}",
            f"secrets={_Hidden(self.secrets)!r}",
            f"path={self.path!r}",
        ]
        return f"Environment({', '.join(shown)})"

    def resolve(
        self, *, home: str, host: Mapping[str, str], term: str | None = None
    ) -> dict[str, str]:
        """Return the whole environment of a program, secrets included.

        Args:
            home: The value of HOME, an absolute path.
            host: The environment to inherit from, usually `os.environ`.
            term: The value of TERM, in place of the preset's.

        Raises:
            ExecError: `home` is not absolute.
        """
        if not home.startswith("/"):
            raise ExecError(f"HOME must be an absolute path, not {home!r}")
        return {
            **_PRESETS[self.preset],
            **({} if term is None else {"TERM": term}),
            "HOME": home,
            "PATH": STANDARD_PATH if self.path is None else self.path,
            **{name: host[name] for name in host if self._passes(name)},
            **self.variables,
            **self.secrets,
        }

    def _passes(self, name: str) -> bool:
        if name in self.inherit:
            return True
        if any(fnmatchcase(name, loading) for loading in _LOADING):
            return False
        return any(
            fnmatchcase(name, pattern)
            for pattern in self.inherit
            if any(character in pattern for character in _PATTERN_CHARACTERS)
        )


class _Hidden:
    """Shows the names of what it is given, and asterisks for values."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names = list(secrets)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: ***" for name in self._names) + "}"


def _check_name(name: str) -> None:
    if not name:
        raise ExecError("the name of an environment variable is empty")
    for character, title in (("=", "'='"), ("\0", "a NUL character")):
        if character in name:
            raise ExecError(
                f"the name of an environment variable cannot hold {title}: {name!r}; "
                "a value is given beside the name, in `variables`"
            )


def _check_value(name: str, value: str) -> None:
    if "\0" in value:
        raise ExecError(f"the value of {name!r} holds a NUL character")
