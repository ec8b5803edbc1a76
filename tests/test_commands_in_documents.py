"""What a document's commands are, what it shows of their output, and what a command starts."""

from __future__ import annotations

import pytest

from generator.errors import UserError
from tests.documented_commands import documented, documented_line, printed_as_shown, programs, read

SMALL = """# Page

Type `make one` or `AWS_PROFILE=x make two A=1`, then
look at `docs/page.md`, `make` and `git diff x`.

| to do | type |
|---|---|
| a thing | `python -m generator cost` |

```console
$ make three A='1 \\
    2'     # with a remark
shown

   …
end
$ make four
```

- Nested:

  ```sh
  # a remark
  make five \\
    B=2
  ```

```yaml
make: no command
```
"""


def test_commands_are_found_where_they_stand() -> None:
    commands = {command.text: command for command in read(SMALL, "page.md")}
    assert list(commands) == [
        "make one",
        "AWS_PROFILE=x make two A=1",
        "git diff x",
        "python -m generator cost",
        "make three A='1 2'",
        "make four",
        "make five B=2",
    ]
    lines = SMALL.splitlines()
    for text, command in commands.items():
        assert text.split()[-1].strip("'")[:4] in "".join(lines[command.line - 1 : command.line + 1]), command.place
    assert commands["make three A='1 2'"].shown == ("shown", "", "   …", "end")
    assert [text for text, command in commands.items() if command.fenced] == list(commands)[4:]


def test_a_block_that_does_not_say_that_it_has_commands_is_refused() -> None:
    with pytest.raises(UserError, match=r"page\.md:3: a block with commands does not say so"):
        read("# Page\n\n```\nmake one\n```\n", "page.md")


@pytest.mark.parametrize(
    ("shown", "printed", "as_shown"),
    [
        ([], "anything", True),
        (["a", "   …", "c"], "a\nb\nb\nc\n", True),
        (["a", "…", "c"], "a\nb\n", False),
        (["  9.0 s  Succeeded Images in 2.8 s"], " 12.5 s  Succeeded Images in 0.3 s\n", True),
        (["  9.0 s  Succeeded Images in 2.8 s"], " 12.5 s  Failed Images in 0.3 s\n", False),
        (["5 reached …, 4 did"], "5 reached A, B, 4 did\n", True),
        (["total  12.50"], "total     12.50\n", True),
        (["total  12.50"], "total     12.51\n", False),
        (["stage ────"], "stage ─────────\n\n", True),
        (["a   1"], "┏━━━┳━━━┓\n┃ a ┃ 1 ┃\n", True),
        (["a.c"], "abc\n", False),
    ],
)
def test_what_is_printed_is_compared_with_what_is_shown(shown: list[str], printed: str, as_shown: bool) -> None:
    assert printed_as_shown(shown, printed) is as_shown


def test_what_a_command_starts_is_said_by_make() -> None:
    assert documented("make publish-application ENVIRONMENT=dev ARCHIVE=shop.tar.gz") == (
        "publish-application",
        *("--environment", "dev", "--archive", "shop.tar.gz"),
    )
    assert documented("make certificate ENVIRONMENT=…", "prod") == ("certificate", "--environment", "prod")
    with pytest.raises(LookupError, match="no document has"):
        documented("make certificate ENVIRONMENT=nowhere")
    with pytest.raises(ValueError, match="leaves 1 things open, and 2 are given"):
        documented_line("make certificate ENVIRONMENT=…", "a", "b")
    with pytest.raises(ValueError, match=r"starts '\.venv/bin/python -m tests\.visitors load'"):
        documented("make load")
    with pytest.raises(ValueError, match="No rule to make target"):
        programs("make nonsense")
