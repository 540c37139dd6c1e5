/* Wine 8 has no bcryptprimitives.dll, whose ProcessPrng is what Rust's standard library takes randomness from. This stands in for it, in tests
   under Wine only: the same bytes from the older call that Wine has. It is never shipped. */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return SystemFunction036(bytes, (ULONG)count);
}
