/* A window of the session that writes down what it is told has changed, and at the end what the session then has.
 *
 * listen.exe CODE...  writes to files beside itself:
 * listen.ready        once it listens
 * listen.heard        a line for each WM_SETTINGCHANGE: `text WORD`, or `code NUMBER`; and after listen.stop was put there, a line
 *                     `has CODE NUMBER` for each CODE, a number of SystemParametersInfo that reads a 32-bit number
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static FILE *heard;

static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM code, LPARAM text) {
    if (message == WM_SETTINGCHANGE) {
        if (text) fprintf(heard, "text %s\n", (const char *)text);
        else fprintf(heard, "code %u\n", (unsigned)code);
        fflush(heard);
        return 0;
    }
    if (message == WM_TIMER && GetFileAttributesA("listen.stop") != INVALID_FILE_ATTRIBUTES) PostQuitMessage(0);
    return DefWindowProcA(window, message, code, text);
}

int main(int count, char **words) {
    char folder[MAX_PATH];
    GetModuleFileNameA(NULL, folder, sizeof folder);
    strrchr(folder, '\\')[0] = 0;
    SetCurrentDirectoryA(folder);
    heard = fopen("listen.heard", "w");
    WNDCLASSA kind = {0};
    kind.lpfnWndProc = on_message;
    kind.lpszClassName = "listen";
    RegisterClassA(&kind);
    HWND window = CreateWindowA("listen", "listen", WS_OVERLAPPED, 0, 0, 1, 1, NULL, NULL, NULL, NULL);
    SetTimer(window, 1, 50, NULL);
    fclose(fopen("listen.ready", "w"));
    for (MSG message; GetMessageA(&message, NULL, 0, 0) > 0;) DispatchMessageA(&message);
    for (int at = 1; at < count; at++) {
        unsigned number = 0;
        SystemParametersInfoA(strtoul(words[at], NULL, 0), 0, &number, 0);
        fprintf(heard, "has %s %u\n", words[at], number);
    }
    return fclose(heard);
}
