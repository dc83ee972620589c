"""`devdev completion`: what makes a shell complete the commands and their options.

A shell's script only asks this command, which knows what the parsers know.
"""

import argparse
from collections.abc import Sequence

_DESCRIPTION = """\
Print what makes SHELL complete the commands, their options, and names of files."""

_EPILOG = """\
SHELL is bash, zsh or fish.

examples:
  bash: eval "$(devdev completion bash)"    in ~/.bashrc
  zsh:  eval "$(devdev completion zsh)"     in ~/.zshrc, after compinit
  fish: devdev completion fish > ~/.config/fish/completions/devdev.fish"""

# Where there is nothing to say, each of them completes names of files.
_SCRIPTS = {
    "bash": """\
_devdev() {
  local IFS=$'\\n'
  COMPREPLY=($(devdev completion bash "${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null))
}
complete -o default -F _devdev devdev""",
    "zsh": """\
#compdef devdev
_devdev() {
  local -a found
  found=("${(@f)$(devdev completion zsh "${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _devdev devdev""",
    "fish": """\
function __devdev
  set -l words (commandline -opc) (commandline -ct)
  set -l found (devdev completion fish $words 2>/dev/null)
  if set -q found[1]; string join \\n $found; else; __fish_complete_path; end
end
complete -c devdev -f -a '(__devdev)'""",
}


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev completion` can be given."""
    parser.usage = "devdev completion SHELL"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument("shell", choices=tuple(_SCRIPTS), metavar="SHELL")
    # What has been typed, the command's own name first.
    words = parser.add_argument(
        "words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS
    )
    words.required = False


def run(args: argparse.Namespace) -> int:
    """Do what `devdev completion` is for; return its exit code."""
    if not args.words:
        print(_SCRIPTS[args.shell])
        return 0
    typed = args.words[1:]
    for word in _candidates(args.make_parser(typed[:1]), typed):
        print(word)
    return 0


def _candidates(parser: argparse.ArgumentParser, typed: Sequence[str]) -> list[str]:
    """What the last word can become; nothing where names of files are wanted."""
    *before, word = typed or [""]
    option: argparse.Action | None = None
    for each in before:
        if option is not None:
            option = None
        elif each.startswith("-"):
            option = _option_with_value(parser, each)
            if each == "--":
                return []
        elif (child := _child(parser, each)) is not None:
            parser = child
        elif any(action.nargs == argparse.REMAINDER for action in parser._actions):
            return []  # a program's own words
    found = _words(parser, option, is_option=word.startswith("-"))
    return sorted(each for each in found if each.startswith(word))


def _words(
    parser: argparse.ArgumentParser, option: argparse.Action | None, *, is_option: bool
) -> list[str]:
    """All that can be there: values of `option`, options, or words."""
    if option is not None:
        return list(map(str, option.choices or ()))
    if is_option:
        return [name for action in parser._actions for name in action.option_strings]
    actions = [action for action in parser._actions if not action.option_strings]
    return [str(choice) for action in actions for choice in action.choices or ()]


def _option_with_value(
    parser: argparse.ArgumentParser, name: str
) -> argparse.Action | None:
    """The option that takes the next word as its value, if this one does."""
    action = parser._option_string_actions.get(name)
    return None if action is None or action.nargs == 0 else action


def _child(
    parser: argparse.ArgumentParser, name: str
) -> argparse.ArgumentParser | None:
    """The command or action of that name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and name in action.choices:
            found: argparse.ArgumentParser = action.choices[name]
            return found
    return None
