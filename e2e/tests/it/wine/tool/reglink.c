/* Makes a symbolic link in the registry, which no program of Wine does: `reglink KEY TARGET`, both below HKEY_CURRENT_USER. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

/* What the system calls HKEY_CURRENT_USER. */
static int real_name(HKEY key, WCHAR *name, size_t units) {
    typedef LONG(WINAPI * query)(HANDLE, int, void *, ULONG, ULONG *);
    struct { ULONG length; WCHAR name[1024]; } info;
    query ask = (query)(void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtQueryKey");
    ULONG size;
    if (!ask || ask(key, 3 /* KeyNameInformation */, &info, sizeof info, &size) < 0) return 1;
    if (info.length / 2 >= units) return 1;
    memcpy(name, info.name, info.length);
    name[info.length / 2] = 0;
    return 0;
}

int main(int count, char **words) {
    WCHAR target[2048], below[1024], key[1024];
    HKEY user, link;
    if (count != 3 || RegOpenCurrentUser(KEY_ALL_ACCESS, &user) || real_name(user, target, 1024)) return 2;
    mbstowcs(key, words[1], 1024);
    mbstowcs(below, words[2], 1024);
    wcscat(target, L"\\");
    wcsncat(target, below, 900);
    if (RegCreateKeyExW(user, key, 0, NULL, REG_OPTION_CREATE_LINK, KEY_ALL_ACCESS, NULL, &link, NULL)) return 3;
    return RegSetValueExW(link, L"SymbolicLinkValue", 0, REG_LINK, (BYTE *)target, wcslen(target) * sizeof(WCHAR)) ? 4 : 0;
}
