/* What else runs in the session of a person: programs that hear of changes, ask Windows for its parameters, or keep the person from a key.
 *
 * session listen LOG READY     writes down each message about a changed setting that comes to a top-level window, until `session end`
 * session end                  ends it, when it has taken in all that was sent before
 * session ask CODE...          prints what SystemParametersInfo says for each code (hexadecimal; the number it gives, or -)
 * session deny READY RIGHTS KEY...   takes these rights (hexadecimal) on keys of HKEY_CURRENT_USER from everybody, and stays: Wine forgets
 *                              rights with the last program
 * session on DESKTOP PROGRAM   starts a program on that desktop of the session, as its own shell is
 * session                      is the session's shell, as explorer.exe, which is started without words: its window, and a line in C:\shell.log for
 *                              each start
 *
 * What stays ends by itself after SECONDS_MAX, so that no test leaves it behind.
 */
#include <windows.h>
#include <aclapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* user32 exports it, and no header of mingw names it. */
WINUSERAPI BOOL WINAPI SetShellWindow(HWND);

#define SECONDS_MAX 120
#define WINDOW "rehome session"

static FILE *heard;

static void note(const char *what, WPARAM number, const WCHAR *text) {
    char narrow[128] = "-";
    if (text) WideCharToMultiByte(CP_UTF8, 0, text, -1, narrow, sizeof narrow, NULL, NULL);
    fprintf(heard, "%s %u %s\n", what, (unsigned)number, narrow);
    fflush(heard);
}

static LRESULT CALLBACK hear(HWND window, UINT message, WPARAM w, LPARAM l) {
    switch (message) {
    case WM_SETTINGCHANGE: note("setting", w, (const WCHAR *)l); return 0;
    case WM_SYSCOLORCHANGE: note("colours", 0, NULL); return 0;
    case WM_THEMECHANGED: note("theme", 0, NULL); return 0;
    case WM_FONTCHANGE: note("fonts", 0, NULL); return 0;
    case WM_CLOSE: PostQuitMessage(0); return 0;
    case WM_TIMER: PostQuitMessage(3); return 0;
    }
    return DefWindowProcW(window, message, w, l);
}

static LRESULT CALLBACK be_shell(HWND window, UINT message, WPARAM w, LPARAM l) {
    if (message != WM_TIMER && message != WM_CLOSE) return DefWindowProcW(window, message, w, l);
    PostQuitMessage(3);
    return 0;
}

static void say_ready(const char *path) {
    FILE *ready = fopen(path, "w");
    if (!ready) return;
    fputs("ready\n", ready);
    fclose(ready);
}

static int pump(void) {
    MSG message;
    while (GetMessageW(&message, NULL, 0, 0) > 0) DispatchMessageW(&message);
    return (int)message.wParam;
}

static HWND make_window(WNDPROC procedure) {
    WNDCLASSW class = {0};
    class.lpfnWndProc = procedure;
    class.hInstance = GetModuleHandleW(NULL);
    class.lpszClassName = L"" WINDOW;
    RegisterClassW(&class);
    HWND window = CreateWindowW(class.lpszClassName, class.lpszClassName, WS_OVERLAPPED, 0, 0, 10, 10, NULL, NULL,
                                class.hInstance, NULL);
    SetTimer(window, 1, SECONDS_MAX * 1000, NULL);
    return window;
}

static int hear_until_end(const char *log, const char *ready) {
    heard = fopen(log, "w");
    if (!heard || !make_window(hear)) return 2;
    say_ready(ready);
    return pump();
}

static int end(void) {
    HWND window = FindWindowW(L"" WINDOW, NULL);
    return window && SendMessageW(window, WM_CLOSE, 0, 0) == 0 ? 0 : 2;
}

static int ask(int count, char **codes) {
    for (int at = 0; at < count; at++) {
        /* Room for the longest that is asked for, three numbers. */
        UINT found[4] = {0};
        UINT code = (UINT)strtoul(codes[at], NULL, 16);
        if (SystemParametersInfoW(code, 0, found, 0)) printf("%x %u\n", code, found[0]);
        else printf("%x -\n", code);
    }
    return 0;
}

static int deny(const char *ready, const char *rights, int count, char **keys) {
    SID_IDENTIFIER_AUTHORITY world = {SECURITY_WORLD_SID_AUTHORITY};
    PSID everybody;
    AllocateAndInitializeSid(&world, 1, SECURITY_WORLD_RID, 0, 0, 0, 0, 0, 0, 0, &everybody);
    EXPLICIT_ACCESSW rules[2] = {{0}, {0}};
    DWORD modes[2] = {DENY_ACCESS, GRANT_ACCESS}, allowed[2] = {strtoul(rights, NULL, 16), KEY_ALL_ACCESS};
    for (int at = 0; at < 2; at++) {
        rules[at].grfAccessPermissions = allowed[at];
        rules[at].grfAccessMode = modes[at];
        rules[at].Trustee.TrusteeForm = TRUSTEE_IS_SID;
        rules[at].Trustee.ptstrName = (WCHAR *)everybody;
    }
    PACL list;
    if (SetEntriesInAclW(2, rules, NULL, &list) != ERROR_SUCCESS) return 2;
    SECURITY_DESCRIPTOR descriptor;
    InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&descriptor, TRUE, list, FALSE);
    for (int at = 0; at < count; at++) {
        HKEY key; /* stays open: with the last handle Wine may forget the key's rights */
        if (RegCreateKeyExA(HKEY_CURRENT_USER, keys[at], 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL)) return 3;
        if (RegSetKeySecurity(key, DACL_SECURITY_INFORMATION, &descriptor)) return 4;
    }
    say_ready(ready);
    Sleep(SECONDS_MAX * 1000);
    return 5;
}

static int on(char *desktop, char *program) {
    STARTUPINFOA start = {.cb = sizeof start, .lpDesktop = desktop};
    PROCESS_INFORMATION started;
    return CreateProcessA(NULL, program, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &start, &started) ? 0 : 2;
}

static int shell(const char *log) {
    FILE *starts = fopen(log, "a");
    if (!starts) return 2;
    HWND window = make_window(be_shell);
    BOOL is_shell = SetShellWindow(window);
    fprintf(starts, "%s\n", is_shell ? "shell" : "no shell");
    fclose(starts);
    return pump();
}

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "";
    if (!strcmp(verb, "listen") && count == 4) return hear_until_end(words[2], words[3]);
    if (!strcmp(verb, "end")) return end();
    if (!strcmp(verb, "ask")) return ask(count - 2, words + 2);
    if (!strcmp(verb, "deny") && count > 4) return deny(words[2], words[3], count - 4, words + 4);
    if (!strcmp(verb, "on") && count == 4) return on(words[2], words[3]);
    if (count == 1) return shell("C:\\shell.log");
    return 1;
}
