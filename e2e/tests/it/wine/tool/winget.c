/* A stand-in for winget.exe: writes down how it was called, and plays back what the file beside it says.
 *
 * winget.log         one line for each call: its words
 * winget.script      lines `ID RESULT`: an exit code in hexadecimal, or `hang`; what is not named fails with 0x8a150014, "no package found"
 * winget.export.json what `export --output FILE` writes to FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static char folder[MAX_PATH];

static FILE *beside(const char *name, const char *mode) {
    char path[MAX_PATH + 32];
    snprintf(path, sizeof path, "%s%s", folder, name);
    return fopen(path, mode);
}

static int export_to(const char *path) {
    FILE *from = beside("winget.export.json", "rb"), *to = fopen(path, "wb");
    int letter;
    if (!from || !to) return 1;
    while ((letter = fgetc(from)) != EOF) fputc(letter, to);
    fclose(from);
    return fclose(to);
}

static int play(const char *id) {
    char line[256], name[200], result[40];
    FILE *script = beside("winget.script", "r");
    while (script && fgets(line, sizeof line, script)) {
        if (sscanf(line, "%199s %39s", name, result) == 2 && strcmp(name, id) == 0) {
            fclose(script);
            if (strcmp(result, "hang") == 0) Sleep(INFINITE);
            return (int)strtoul(result, NULL, 16);
        }
    }
    return (int)0x8a150014u;
}

int main(int count, char **words) {
    GetModuleFileNameA(NULL, folder, sizeof folder);
    strrchr(folder, '\\')[1] = 0;
    FILE *log = beside("winget.log", "a");
    for (int at = 1; at < count; at++) fprintf(log, "%s%s", at > 1 ? " " : "", words[at]);
    fputc('\n', log);
    fclose(log);
    for (int at = 1; at + 1 < count; at++) {
        if (strcmp(words[1], "export") == 0 && strcmp(words[at], "--output") == 0) return export_to(words[at + 1]);
        if (strcmp(words[1], "install") == 0 && strcmp(words[at], "--id") == 0) return play(words[at + 1]);
    }
    return 2;
}
