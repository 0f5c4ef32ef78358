"""Completion scripts for shells, generated from the parser so that they never lag behind it."""

from __future__ import annotations

import argparse

BASH = """\
_tokenkeep() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words
    case ${{COMP_WORDS[1]}} in
{cases}
        *) words="{top}" ;;
    esac
    if [ "$COMP_CWORD" = 1 ]; then words="{top}"; fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _tokenkeep tokenkeep
"""
IDS = '$(tokenkeep list --json 2>/dev/null | sed -n \'s/^      "id": "\\(.*\\)",$/\\1/p\')'

# What stands behind a command and is read by another parser.
BEHIND = {"demo": ["server"]}


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script for `bash`, `zsh` or `fish`."""
    commands = _commands(parser)
    top = [*commands, *_options(parser)]
    if shell == "fish":
        return _fish(commands, _options(parser))
    cases = "\n".join(f'        {name}) words="{_words(name, command)}" ;;' for name, (command, _) in commands.items())
    text = BASH.format(cases=cases, top=" ".join(top))
    return f"#compdef tokenkeep\nautoload -U +X bashcompinit && bashcompinit\n{text}" if shell == "zsh" else text


def _words(name: str, command: argparse.ArgumentParser) -> str:
    ids = [IDS] if _takes_provider(command) else []
    return " ".join([*_options(command), *BEHIND.get(name, []), *_choices(command), *ids])


def _fish(commands: dict[str, tuple[argparse.ArgumentParser, str]], options: list[str]) -> str:
    lines = ["complete -c tokenkeep -f"]
    for option in options:
        if option.startswith("--"):
            lines.append(f"complete -c tokenkeep -n __fish_use_subcommand -l {option[2:]}")
    for name, (command, text) in commands.items():
        lines.append(f"complete -c tokenkeep -n __fish_use_subcommand -a {name} -d '{text}'")
        seen = f"-n '__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c tokenkeep {seen} -l {each[2:]}" for each in _options(command) if each.startswith("--")]
        words = [*BEHIND.get(name, []), *_choices(command)]
        lines += [f"complete -c tokenkeep {seen} -a {word}" for word in words]
        if _takes_provider(command):
            ids = '(tokenkeep list --json 2>/dev/null | string match -rg \'^      "id": "(.*)",$\')'
            lines.append(f'complete -c tokenkeep {seen} -a "{ids.replace(chr(34), chr(92) + chr(34))}"')
    return "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            return {name: (command, texts.get(name, "")) for name, command in action.choices.items()}
    return {}


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings if option.startswith("--")]


def _choices(parser: argparse.ArgumentParser) -> list[str]:
    positional = [action for action in parser._actions if not action.option_strings and action.choices]
    return [str(choice) for action in positional for choice in action.choices or ()]


def _takes_provider(parser: argparse.ArgumentParser) -> bool:
    return any(action.dest in ("provider", "target") for action in parser._actions)
