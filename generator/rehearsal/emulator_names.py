"""The names that CloudFormation gives, shortened as AWS does it.

The emulator cuts what is too long at its end, so that little is left of the logical id. AWS leaves the logical id the
half of the room, and more where the stack's name is short; policies rely on that. Seen in names such as
`BuildkitStack-BuildkitSta-HandlerServiceRoleFCDC14-1HUWNNZSWMJKC`: https://github.com/aws/aws-cdk/issues/26979
"""

from __future__ import annotations

from typing import Any

from generator.rehearsal.emulator_guards import replace_function

PROVISIONERS = "ministack.services.cloudformation.provisioners"
PARAMETERS = ("stack_name", "logical_id", "lowercase", "max_len", "seeded")
SUFFIX_CHARACTERS = 13
UNLIMITED = 10_000


def shortened_names() -> None:
    """A name that is too long keeps up to half of its room for the logical id."""

    def wrap(original: Any) -> Any:
        def physical_name(stack_name: str, logical_id: str, *, max_len: int = 128, **options: Any) -> str:
            whole: str = original(stack_name, logical_id, max_len=UNLIMITED, **options)
            if len(whole) <= max_len:
                return whole
            stack, logical = shortened(stack_name, logical_id, max_len - SUFFIX_CHARACTERS - 2)
            name = f"{stack}-{logical}-{whole[-SUFFIX_CHARACTERS:]}"
            return name.lower() if options.get("lowercase") else name

        return physical_name

    replace_function(PROVISIONERS, "_physical_name", PARAMETERS, wrap)


def shortened(stack_name: str, logical_id: str, room: int) -> tuple[str, str]:
    """Return what of a stack's name and of a logical id fits into so many characters."""
    logical = logical_id[: max(room // 2, room - len(stack_name))]
    return stack_name[: room - len(logical)], logical
