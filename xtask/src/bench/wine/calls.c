/* Reads one value of the person's registry as often as the command line says: opened, asked, closed, three calls each. What Wine takes for such a call. */
#include <stdlib.h>
#include <windows.h>

int main(int count, char **words)
{
    for (int left = count > 1 ? atoi(words[1]) : 0; left > 0; left--) {
        HKEY key;
        BYTE bytes[256];
        DWORD size = sizeof(bytes);
        if (RegOpenKeyExW(HKEY_CURRENT_USER, L"Control Panel\\Desktop", 0, KEY_READ, &key) != ERROR_SUCCESS) return 1;
        if (RegQueryValueExW(key, L"CaretTimeout", NULL, NULL, bytes, &size) != ERROR_SUCCESS) return 2;
        RegCloseKey(key);
    }
    return 0;
}
