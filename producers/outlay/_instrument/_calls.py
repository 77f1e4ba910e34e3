"""One call of an instrumented client."""

from __future__ import annotations

from typing import Any

from outlay._metered import Call
from outlay.extract._read import get, items


class ClientCall(Call):
    """A call of which the request is known: the model asked for, what was to be spoken, whether it reads again."""

    def __init__(
        self,
        provider: str,
        model: str | None,
        fields: dict[str, Any],
        *,
        again: bool = False,
        characters: int | None = None,
        withheld: bool = False,
    ) -> None:
        """Begin now."""
        super().__init__(provider, model, None, fields)
        self._again, self._characters, self._withheld = again, characters, withheld

    @property
    def is_told_by_request(self) -> bool:
        """Whether the request alone says what is billed, whatever the answer is."""
        return self._characters is not None

    def fed(self, chunk: Any) -> None:
        """Take a chunk: an event of a stream, or, where what was made before is read again, a use of its own.

        Such are one result of a batch, and the end of a response in the background.
        """
        if not self._again:
            super().fed(chunk)
        elif get(chunk, "result") is not None:
            self._note_part(lambda extract: extract.usage(self._provider, chunk, model=self._model))
        elif get(chunk, "response") is not None:
            self._note_part(lambda extract: self._of(extract, chunk))

    def ended(self) -> None:
        """Track what the chunks amounted to; the results of a batch were tracked one by one."""
        if not self._again:
            super().ended()

    def _of(self, extract: Any, answer: Any) -> Any:
        model = self._model or extract.UNKNOWN
        if self._characters is not None:
            return extract.openai.speech(model=model, characters=self._characters, provider=self._provider)
        found = extract.usage(self._provider, answer, model=self._model)
        if self._again:
            return tuple(each for each in found if each.id is not None)  # the others were counted when they were made
        if found or get(answer, "status") in {"queued", "in_progress"}:
            return found
        unknown = extract.Used(provider=self._provider, model=model, quantities={extract.UNMETERED: 1}, estimated=True)
        return (unknown,)

    def _is_withheld(self, chunk: Any) -> bool:
        return self._withheld and get(chunk, "usage") is not None and not any(True for _ in items(chunk, "choices"))
