/* Copyright (c) 2026 The otsec.opc_dcom contributors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Asks Windows' own API (as Wine implements it) about SDDL and account names. Reads a question a line on standard input:
 *   SDDL: answers the self-relative descriptor in hexadecimal, a blank, and the text that the API makes of it;
 *   a SID (S-1-...): answers "name", a blank, and the account's domain, a backslash and its name.
 * What the API refuses is answered with "error" and its number.
 * Build: x86_64-w64-mingw32-gcc -O1 -o wine_sddl.exe wine_sddl.c -ladvapi32
 */
#include <windows.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

#define ALL_PARTS                                                                                     \
    (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION |           \
     SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION)

static void answer(const char *text)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    ULONG size = 0, index;
    char *printed = NULL;

    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &descriptor, &size)) {
        printf("error %lu\n", GetLastError());
        return;
    }
    for (index = 0; index < size; index++)
        printf("%02x", ((unsigned char *)descriptor)[index]);
    if (ConvertSecurityDescriptorToStringSecurityDescriptorA(descriptor, SDDL_REVISION_1, ALL_PARTS, &printed, NULL)) {
        printf(" %s", printed);
        LocalFree(printed);
    }
    printf("\n");
    LocalFree(descriptor);
}

static void answer_name(const char *text)
{
    char name[256], domain[256];
    DWORD name_size = sizeof(name), domain_size = sizeof(domain);
    SID_NAME_USE use;
    PSID sid = NULL;

    if (!ConvertStringSidToSidA(text, &sid) ||
        !LookupAccountSidA(NULL, sid, name, &name_size, domain, &domain_size, &use))
        printf("error %lu\n", GetLastError());
    else
        printf("name %s\\%s\n", domain, name);
    LocalFree(sid);
}

int main(void)
{
    static char line[65536];

    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        if (strncmp(line, "S-1-", 4) == 0)
            answer_name(line);
        else
            answer(line);
        fflush(stdout);
    }
    return 0;
}
