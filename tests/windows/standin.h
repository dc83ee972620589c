/* What winfspy uses of Windows and WinFsp, as far as structures go. */

typedef char16_t WCHAR;
typedef WCHAR *PWSTR;
typedef void *PVOID;
typedef uint8_t BOOLEAN;
typedef uint16_t UINT16;
typedef uint32_t UINT32, ULONG, DWORD, NTSTATUS;
typedef uint64_t UINT64;
typedef size_t SIZE_T;
typedef ULONG *PULONG;
typedef UINT32 *PUINT32;
typedef SIZE_T *PSIZE_T;

typedef uint32_t SECURITY_INFORMATION;
typedef struct { uint8_t bytes[20]; } SECURITY_DESCRIPTOR, *PSECURITY_DESCRIPTOR;
typedef struct { uint8_t bytes[16]; } IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;

typedef struct { uint8_t bytes[512]; } FSP_FSCTL_VOLUME_PARAMS;

typedef struct {
    UINT64 TotalSize, FreeSize;
    UINT16 VolumeLabelLength;
    WCHAR VolumeLabel[32];
} FSP_FSCTL_VOLUME_INFO;

typedef struct {
    UINT32 FileAttributes, ReparseTag;
    UINT64 AllocationSize, FileSize;
    UINT64 CreationTime, LastAccessTime, LastWriteTime, ChangeTime;
    UINT64 IndexNumber;
    UINT32 HardLinks, EaSize;
} FSP_FSCTL_FILE_INFO;

typedef struct {
    FSP_FSCTL_FILE_INFO FileInfo;
    PWSTR NormalizedName;
    UINT16 NormalizedNameSize;
} FSP_FSCTL_OPEN_FILE_INFO;

typedef struct {
    UINT16 Size;
    FSP_FSCTL_FILE_INFO FileInfo;
    uint8_t Padding[24];
    WCHAR FileNameBuf[];
} FSP_FSCTL_DIR_INFO;

typedef struct _FSP_FILE_SYSTEM FSP_FILE_SYSTEM;

typedef struct {
    NTSTATUS (*GetVolumeInfo)(FSP_FILE_SYSTEM *, FSP_FSCTL_VOLUME_INFO *);
    NTSTATUS (*SetVolumeLabel)(FSP_FILE_SYSTEM *, PWSTR, FSP_FSCTL_VOLUME_INFO *);
    NTSTATUS (*GetSecurityByName)(FSP_FILE_SYSTEM *, PWSTR, PUINT32,
        PSECURITY_DESCRIPTOR, PSIZE_T);
    NTSTATUS (*Create)(FSP_FILE_SYSTEM *, PWSTR, UINT32, UINT32, UINT32,
        PSECURITY_DESCRIPTOR, UINT64, PVOID *, FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*Open)(FSP_FILE_SYSTEM *, PWSTR, UINT32, UINT32, PVOID *,
        FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*Overwrite)(FSP_FILE_SYSTEM *, PVOID, UINT32, BOOLEAN, UINT64,
        FSP_FSCTL_FILE_INFO *);
    void (*Cleanup)(FSP_FILE_SYSTEM *, PVOID, PWSTR, ULONG);
    void (*Close)(FSP_FILE_SYSTEM *, PVOID);
    NTSTATUS (*Read)(FSP_FILE_SYSTEM *, PVOID, PVOID, UINT64, ULONG, PULONG);
    NTSTATUS (*Write)(FSP_FILE_SYSTEM *, PVOID, PVOID, UINT64, ULONG, BOOLEAN,
        BOOLEAN, PULONG, FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*Flush)(FSP_FILE_SYSTEM *, PVOID, FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*GetFileInfo)(FSP_FILE_SYSTEM *, PVOID, FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*SetBasicInfo)(FSP_FILE_SYSTEM *, PVOID, UINT32, UINT64, UINT64,
        UINT64, UINT64, FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*SetFileSize)(FSP_FILE_SYSTEM *, PVOID, UINT64, BOOLEAN,
        FSP_FSCTL_FILE_INFO *);
    NTSTATUS (*CanDelete)(FSP_FILE_SYSTEM *, PVOID, PWSTR);
    NTSTATUS (*Rename)(FSP_FILE_SYSTEM *, PVOID, PWSTR, PWSTR, BOOLEAN);
    NTSTATUS (*GetSecurity)(FSP_FILE_SYSTEM *, PVOID, PSECURITY_DESCRIPTOR, PSIZE_T);
    NTSTATUS (*SetSecurity)(FSP_FILE_SYSTEM *, PVOID, SECURITY_INFORMATION,
        PSECURITY_DESCRIPTOR);
    NTSTATUS (*ReadDirectory)(FSP_FILE_SYSTEM *, PVOID, PWSTR, PWSTR, PVOID, ULONG,
        PULONG);
    NTSTATUS (*ResolveReparsePoints)(FSP_FILE_SYSTEM *, PWSTR, UINT32, BOOLEAN,
        PIO_STATUS_BLOCK, PVOID, PSIZE_T);
    NTSTATUS (*GetReparsePoint)(FSP_FILE_SYSTEM *, PVOID, PWSTR, PVOID, PSIZE_T);
    NTSTATUS (*SetReparsePoint)(FSP_FILE_SYSTEM *, PVOID, PWSTR, PVOID, SIZE_T);
    NTSTATUS (*DeleteReparsePoint)(FSP_FILE_SYSTEM *, PVOID, PWSTR, PVOID, SIZE_T);
    NTSTATUS (*GetStreamInfo)(FSP_FILE_SYSTEM *, PVOID, PVOID, ULONG, PULONG);
    NTSTATUS (*GetDirInfoByName)(FSP_FILE_SYSTEM *, PVOID, PWSTR,
        FSP_FSCTL_DIR_INFO *);
    NTSTATUS (*Control)(FSP_FILE_SYSTEM *, PVOID, UINT32, PVOID, ULONG, PVOID, ULONG,
        PULONG);
    NTSTATUS (*SetDelete)(FSP_FILE_SYSTEM *, PVOID, PWSTR, BOOLEAN);
} FSP_FILE_SYSTEM_INTERFACE;

struct _FSP_FILE_SYSTEM {
    PVOID UserContext;
    const FSP_FILE_SYSTEM_INTERFACE *Interface;
};

/* winfspy declares a Windows service as well, which nothing here runs. */
typedef struct { PVOID UserContext; } FSP_SERVICE;
typedef struct {
    NTSTATUS (*Start)(FSP_SERVICE *, ULONG, PWSTR *);
    NTSTATUS (*Stop)(FSP_SERVICE *);
    NTSTATUS (*Control)(FSP_SERVICE *, ULONG, ULONG, PVOID);
} SERVICE_CALLBACKS;

void *malloc(size_t size);
void free(void *memory);
