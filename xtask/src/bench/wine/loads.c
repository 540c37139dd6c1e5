/* Loads the libraries of Windows that a backup calls, as it does, and does nothing with them: what Wine takes for that is Wine's. */
#include <windows.h>

int main(void)
{
    static const char *const NAMES[] = {"advapi32.dll", "ws2_32.dll", "bcrypt.dll", "crypt32.dll", "netapi32.dll"};
    for (unsigned at = 0; at < sizeof(NAMES) / sizeof(NAMES[0]); at++) {
        if (!LoadLibraryA(NAMES[at])) return 1;
    }
    return 0;
}
