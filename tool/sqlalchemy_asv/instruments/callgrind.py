"""Requests to callgrind, from the process that it runs, to begin and to end counting.

Before the first request, callgrind only translates, so imports and set-up take a quarter of the
time that counting them would take (docs/measurements.md). A request is a sequence of instructions
that does nothing outside valgrind. C has a macro for it; Python has neither inline assembly nor, on
many machines, a compiler.
"""

from __future__ import annotations

import ctypes
import mmap
import platform

# As compiled from valgrind's header valgrind.h: uint64 request(uint64 *arguments).
_REQUEST = {
    # xor edx, edx; mov rax, rdi; rol rdi, 3, 13, 61 and 51; xchg rbx, rbx; mov rax, rdx; ret
    "x86_64": "31d2 4889f8 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3",
    # mov x3, 0; mov x4, x0; ror x12, 3, 13, 51 and 61; orr x10, x10, x10; mov x0, x3; ret
    "aarch64": "030080d2 e40300aa 8c0dcc93 8c35cc93 8ccdcc93 8cf5cc93 4a010aaa e00303aa c0035fd6",
}
# The codes of callgrind.h; a tool's own begin with two letters of its name.
_TOOL = int.from_bytes(b"CT\0\0", "big")
_START, _STOP = _TOOL + 4, _TOOL + 5


def supported() -> bool:
    """Whether the sequence for this kind of processor is known."""
    return platform.machine() in _REQUEST


class Instrumentation:
    """Callgrind's counting: off when the process starts with `--instr-atstart=no`."""

    def __init__(self) -> None:
        code = bytes.fromhex(_REQUEST[platform.machine()])
        protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        self._memory = mmap.mmap(-1, len(code), prot=protection)
        self._memory.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._request = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address)
        # The request and its five arguments, prepared: after a start, everything is counted.
        self._start, self._stop = ((ctypes.c_uint64 * 6)(code) for code in (_START, _STOP))

    def start(self) -> None:
        self._request(self._start)

    def stop(self) -> None:
        self._request(self._stop)
