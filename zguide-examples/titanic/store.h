/*  Requests and replies on disk.

    A message is a file ID.request or ID.reply: for each frame its length, 8 bytes
    in network order, and its bytes. It is written under another name, flushed to the
    disk, and only then renamed, and the folder is flushed, too. So after a crash at any
    moment a file is there as a whole or not at all, and what was said to be stored is. */

#ifndef STORE_H
#define STORE_H

#include "example.h"
#include <dirent.h>
#include <sys/stat.h>

#define ID_SIZE 33 /* 32 hexadecimal digits and the terminating zero */

static const char *store_folder;

static inline void store_open (const char *folder)
{
    store_folder = folder;
    check (mkdir (folder, 0700) == 0 || errno == EEXIST, folder);
}

/*  An id that nobody guesses. */
static inline void store_new_id (char *id)
{
    unsigned char bytes[16];
    int file = open ("/dev/urandom", O_RDONLY | O_CLOEXEC), i;

    check (file >= 0 && read (file, bytes, sizeof bytes) == (ssize_t) sizeof bytes, "/dev/urandom");
    close (file);
    for (i = 0; i < 16; i++)
        sprintf (id + 2 * i, "%02X", bytes[i]);
}

/*  Ids come from clients and become file names: nothing but an id will do. */
static inline int store_is_id (const char *id)
{
    return strlen (id) == ID_SIZE - 1 && strspn (id, "0123456789ABCDEF") == ID_SIZE - 1;
}

static inline char *store_path (char *path, size_t size, const char *id, const char *kind)
{
    snprintf (path, size, "%s/%s.%s", store_folder, id, kind);
    return path;
}

static inline int store_has (const char *id, const char *kind)
{
    char path[512];
    return access (store_path (path, sizeof path, id, kind), F_OK) == 0;
}

/*  Renaming and removing are changes of the folder. */
static inline int store_flush_folder (void)
{
    int folder = open (store_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;
    if (folder < 0)
        return -1;
    result = fsync (folder);
    close (folder);
    return result;
}

/*  Returns 0 when the message is safe on the disk, else -1. */
static inline int store_put (const char *id, const char *kind, struct message *message)
{
    char path[512], unfinished[512];
    FILE *file;
    int i, failed = 0;

    store_path (path, sizeof path, id, kind);
    store_path (unfinished, sizeof unfinished, id, "unfinished");
    file = fopen (unfinished, "wb");
    if (!file)
        return -1;
    for (i = 0; i < message->count; i++) {
        uint64_t size = message_size (message, i);
        unsigned char header[8];
        int byte;
        for (byte = 0; byte < 8; byte++)
            header[byte] = (unsigned char) (size >> (56 - 8 * byte));
        failed |= fwrite (header, 1, 8, file) != 8;
        failed |= fwrite (message_data (message, i), 1, (size_t) size, file) != size;
    }
    failed |= fflush (file) != 0;
    failed |= fsync (fileno (file)) != 0;
    failed |= fclose (file) != 0;
    if (!failed && rename (unfinished, path) == 0 && store_flush_folder () == 0)
        return 0;
    remove (unfinished);
    return -1;
}

/*  Returns 0 and the message, or -1 when there is none, or it cannot be read. */
static inline int store_take (const char *id, const char *kind, struct message *message)
{
    char path[512];
    unsigned char header[8];
    FILE *file = fopen (store_path (path, sizeof path, id, kind), "rb");

    message_init (message);
    if (!file)
        return -1;
    while (message->count < MESSAGE_FRAMES && fread (header, 1, 8, file) == 8) {
        uint64_t size = 0;
        int byte;
        for (byte = 0; byte < 8; byte++)
            size = size << 8 | header[byte];
        message_append (message, NULL, 0);
        zmq_msg_close (&message->frames[message->count - 1]);
        check (zmq_msg_init_size (&message->frames[message->count - 1], (size_t) size) == 0, "zmq_msg_init_size");
        if (fread (message_data (message, message->count - 1), 1, (size_t) size, file) != size) {
            message_clear (message);
            break;
        }
    }
    fclose (file);
    return message->count > 0 ? 0 : -1;
}

/*  Removes a request and its reply, for good when it returns 0. */
static inline int store_remove (const char *id)
{
    char path[512];
    /*  The request first: a request without its reply would be done once more. */
    if (remove (store_path (path, sizeof path, id, "request")) != 0 && errno != ENOENT)
        return -1;
    if (remove (store_path (path, sizeof path, id, "reply")) != 0 && errno != ENOENT)
        return -1;
    return store_flush_folder ();
}

/*  Calls back for each request that has no reply yet. Removes what is unfinished. */
static inline void store_scan (void (*found) (const char *id))
{
    DIR *folder = opendir (store_folder);
    struct dirent *entry;

    check (folder != NULL, store_folder);
    while ((entry = readdir (folder))) {
        char id[ID_SIZE], path[512];
        const char *dot = strrchr (entry->d_name, '.');
        /*  A crash came before the end of it: nobody has been told that it is there. */
        if (dot && !strcmp (dot, ".unfinished")) {
            snprintf (path, sizeof path, "%.200s/%.255s", store_folder, entry->d_name);
            remove (path);
            continue;
        }
        if (strlen (entry->d_name) != ID_SIZE - 1 + strlen (".request") || strcmp (entry->d_name + ID_SIZE - 1, ".request"))
            continue;
        memcpy (id, entry->d_name, ID_SIZE - 1);
        id[ID_SIZE - 1] = '\0';
        if (store_is_id (id) && !store_has (id, "reply"))
            found (id);
    }
    closedir (folder);
}

#endif
