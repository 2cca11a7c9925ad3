/* Preloaded into a process: logs, in order, all that it does to the files of one directory, with the data; and lets
 * the n-th flush fail. Environment: SHIM_DIR (the directory), SHIM_LOG (where the log goes), SHIM_ACKS (a file whose
 * writes are logged as what the process has promised), SHIM_FAIL (number of the flush that fails with EIO, from 1).
 * tests/crash/recording.py reads the log. Shared memory (-shm) is rebuilt after a crash and not recorded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, FLUSH, FAILED, UNLINK, RENAME, OPEN, ACK };
#define FILES 4096

static char *names[FILES]; /* by descriptor: the name in SHIM_DIR, "" for the directory itself, "!" for the acks */
static int log_descriptor = -1, flushes, fail_at;
static const char *directory, *acks;

static void put(int op, const char *name, int64_t offset, const void *data, int64_t size)
{
    struct { uint32_t op, name; int64_t offset, size; } head = {op, strlen(name), offset, data ? size : 0};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)name, head.name}, {(void *)data, head.size}};
    syscall(SYS_writev, log_descriptor, parts, data ? 3 : 2);
}

static const char *inside(const char *path)
{
    size_t length;
    if (!directory || !path) return NULL;
    length = strlen(directory);
    if (strncmp(path, directory, length)) return acks && !strcmp(path, acks) ? "!" : NULL;
    if (!path[length]) return "";
    if (path[length] != '/') return NULL;
    path += length + 1;
    length = strlen(path);
    return length >= 4 && !strcmp(path + length - 4, "-shm") ? NULL : path;
}

__attribute__((constructor)) static void start(void)
{
    const char *log = getenv("SHIM_LOG"), *fail = getenv("SHIM_FAIL");
    if (!log) return;
    log_descriptor = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    directory = getenv("SHIM_DIR");
    acks = getenv("SHIM_ACKS");
    fail_at = fail ? atoi(fail) : 0;
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES ? names[fd] : NULL; }

static int opened(int fd, const char *path)
{
    const char *name = inside(path);
    if (fd < 0 || fd >= FILES) return fd;
    free(names[fd]);
    names[fd] = name ? strdup(name) : NULL;
    if (name && *name && *name != '!') put(OPEN, name, 0, NULL, 0);
    return fd;
}

#define MODE(flags) int mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); \
    mode = va_arg(rest, int); va_end(rest); }
int open(const char *path, int flags, ...) { MODE(flags) return opened(syscall(SYS_openat, AT_FDCWD, path, flags, mode), path); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(syscall(SYS_openat, AT_FDCWD, path, flags, mode), path); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return opened(syscall(SYS_openat, at, path, flags, mode), path); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return opened(syscall(SYS_openat, at, path, flags, mode), path); }

int close(int fd)
{
    if (name_of(fd)) { free(names[fd]); names[fd] = NULL; }
    return syscall(SYS_close, fd);
}

static ssize_t wrote(int fd, const void *data, ssize_t size, int64_t offset)
{
    const char *name = name_of(fd);
    if (name && size > 0) put(*name == '!' ? ACK : WRITE, name, offset, data, size);
    return size;
}

ssize_t write(int fd, const void *data, size_t size)
{
    const char *name = name_of(fd);
    int64_t offset = name ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : 0;
    return wrote(fd, data, syscall(SYS_write, fd, data, size), offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return wrote(fd, data, syscall(SYS_pwrite64, fd, data, size, at), at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return wrote(fd, data, syscall(SYS_pwrite64, fd, data, size, at), at); }

static ssize_t one_by_one(int fd, const struct iovec *parts, int many, off64_t at)
{
    ssize_t sum = 0;
    for (int i = 0; i < many; i++) {
        ssize_t size = pwrite64(fd, parts[i].iov_base, parts[i].iov_len, at + sum);
        if (size < 0) return sum ? sum : size;
        sum += size;
    }
    return sum;
}
ssize_t pwritev(int fd, const struct iovec *parts, int many, off_t at)
{
    return name_of(fd) ? one_by_one(fd, parts, many, at) : syscall(SYS_pwritev, fd, parts, many, at, 0);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int many, off64_t at) { return pwritev(fd, parts, many, at); }

static int truncated(int fd, int64_t size, int result)
{
    const char *name = name_of(fd);
    if (name && !result) put(TRUNCATE, name, size, NULL, 0);
    return result;
}
int ftruncate(int fd, off_t size) { return truncated(fd, size, syscall(SYS_ftruncate, fd, size)); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size, syscall(SYS_ftruncate, fd, size)); }

static int flush(int fd, long call)
{
    const char *name = name_of(fd);
    int result;
    if (name && *name && *name != '!' && ++flushes == fail_at) {
        put(FAILED, name, 0, NULL, 0);
        errno = EIO;
        return -1;
    }
    result = syscall(call, fd);
    if (name && *name != '!' && !result) put(FLUSH, name, 0, NULL, 0);
    return result;
}
int fsync(int fd) { return flush(fd, SYS_fsync); }
int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }

int unlink(const char *path)
{
    const char *name = inside(path);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (name && !result) put(UNLINK, name, 0, NULL, 0);
    return result;
}

int rename(const char *from, const char *to)
{
    const char *name = inside(from), *other = inside(to);
    int result = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (name && other && !result) put(RENAME, name, 0, other, strlen(other));
    return result;
}
