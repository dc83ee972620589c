/* A stand-in for winfsp-x64.dll, for winfspy's compiled binding under Wine.

   It keeps volumes and where they are mounted, and puts entries into listings. Tests
   take a volume's callbacks from it (StandInInterface) and call them as WinFsp would. */
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define STATUS_OBJECT_NAME_COLLISION ((NTSTATUS)0xC0000035)
#define EXPORT __declspec(dllexport)
#define VOLUMES 64

typedef LONG NTSTATUS;
typedef struct {
    UINT16 version;
    void *user_context; /* winfspy's, at the place that it has in WinFsp's */
    const void *callbacks;
    WCHAR place[MAX_PATH];
} VOLUME;

static VOLUME *volumes[VOLUMES];

EXPORT NTSTATUS FspFileSystemCreate(
    const WCHAR *device, const void *parameters, const void *callbacks, VOLUME **made)
{
    for (int at = 0; at < VOLUMES; at++)
        if (!volumes[at]) {
            VOLUME *volume = calloc(1, sizeof *volume);
            volume->callbacks = callbacks;
            *made = volumes[at] = volume;
            return 0;
        }
    return 0xC000009A; /* STATUS_INSUFFICIENT_RESOURCES */
}

EXPORT VOLUME *StandInMounted(const WCHAR *place)
{
    for (int at = 0; at < VOLUMES; at++)
        if (volumes[at] && !wcscmp(volumes[at]->place, place))
            return volumes[at];
    return NULL;
}

EXPORT int StandInCount(void)
{
    int count = 0;
    for (int at = 0; at < VOLUMES; at++)
        count += volumes[at] != NULL;
    return count;
}

EXPORT const void *StandInInterface(VOLUME *volume)
{
    return volume->callbacks;
}

EXPORT NTSTATUS FspFileSystemSetMountPoint(VOLUME *volume, const WCHAR *place)
{
    if (StandInMounted(place))
        return STATUS_OBJECT_NAME_COLLISION;
    lstrcpynW(volume->place, place, MAX_PATH);
    return 0;
}

EXPORT NTSTATUS FspFileSystemStartDispatcher(VOLUME *volume, ULONG threads)
{
    return 0;
}

EXPORT void FspFileSystemStopDispatcher(VOLUME *volume)
{
}

EXPORT void FspFileSystemDelete(VOLUME *volume)
{
    for (int at = 0; at < VOLUMES; at++)
        if (volumes[at] == volume)
            volumes[at] = NULL;
    free(volume);
}

/* Entries begin at multiples of 8 bytes and with their size; a size of 0 ends them. */
EXPORT BOOLEAN FspFileSystemAddDirInfo(
    const UINT16 *entry, char *buffer, ULONG room, ULONG *used)
{
    static const UINT16 end = 0;
    ULONG size = entry ? *entry : sizeof end;
    ULONG taken = entry ? (size + 7) & ~7u : size;
    if (*used + taken > room)
        return FALSE;
    memcpy(buffer + *used, entry ? entry : &end, size);
    *used += taken;
    return TRUE;
}

/* For all that the binding names besides, and nothing here calls. */
EXPORT void StandInMissing(void)
{
    abort();
}
