/*  The Clustered Hashmap Protocol, https://rfc.zeromq.org/spec/12/, and the hashmap. */

#ifndef CHP_H
#define CHP_H

#include "example.h"

/*  A server has three ports, and here a fourth for its peer. */
enum { CHP_SNAPSHOT, CHP_PUBLISHER, CHP_COLLECTOR, CHP_STATE };

/*  A server counts as gone after so many intervals without an update or a HUGZ. */
#define CHP_LIVENESS 3

#define CHP_KEY 256
#define CHP_PROPERTIES 256
#define CHP_UUID 16

/*  "tcp://host:5556" and 1 give "tcp://host:5557"; other endpoints get the number appended. */
static inline char *chp_endpoint (const char *base, int port, char *endpoint, size_t size)
{
    const char *colon = strrchr (base, ':');
    if (!strncmp (base, "tcp://", 6) && colon && atoi (colon + 1) > 0)
        snprintf (endpoint, size, "%.*s:%d", (int) (colon - base), base, atoi (colon + 1) + port);
    else
        snprintf (endpoint, size, "%s-%d", base, port);
    return endpoint;
}

static inline void chp_bind (void *socket, const char *base, int port)
{
    char endpoint[256];
    check (zmq_bind (socket, chp_endpoint (base, port, endpoint, sizeof endpoint)) == 0, endpoint);
}

static inline void chp_connect (void *socket, const char *base, int port)
{
    char endpoint[256];
    check (zmq_connect (socket, chp_endpoint (base, port, endpoint, sizeof endpoint)) == 0, endpoint);
}

static inline void chp_new_uuid (unsigned char *uuid)
{
    int file = open ("/dev/urandom", O_RDONLY | O_CLOEXEC);
    check (file >= 0 && read (file, uuid, CHP_UUID) == CHP_UUID, "/dev/urandom");
    close (file);
}

/* ------------------------------------------------------------------- the hashmap */

struct chp_entry
{
    struct chp_entry *next;
    char key[CHP_KEY];
    char properties[CHP_PROPERTIES];
    unsigned char uuid[CHP_UUID];
    int has_uuid;
    uint64_t sequence;
    int64_t expires; /* 0: never */
    int64_t sent_at; /* for the client's own use */
    size_t size;
    unsigned char *value;
};

#define CHP_BUCKETS 1024
struct chp_map
{
    int count;
    struct chp_entry *buckets[CHP_BUCKETS];
};

static inline struct chp_entry **chp_find (struct chp_map *map, const char *key)
{
    unsigned hash = 5381;
    const char *c;
    struct chp_entry **link;

    for (c = key; *c; c++)
        hash = hash * 33 + (unsigned char) *c;
    for (link = &map->buckets[hash % CHP_BUCKETS]; *link; link = &(*link)->next)
        if (!strcmp ((*link)->key, key))
            break;
    return link;
}

static inline void chp_entry_free (struct chp_entry *entry)
{
    free (entry->value);
    free (entry);
}

static inline void chp_delete (struct chp_map *map, const char *key)
{
    struct chp_entry **link = chp_find (map, key), *entry = *link;
    if (entry) {
        *link = entry->next;
        chp_entry_free (entry);
        map->count--;
    }
}

/*  Puts an entry in place of the one with its key; an empty value only deletes. Takes the entry. */
static inline void chp_store (struct chp_map *map, struct chp_entry *entry)
{
    struct chp_entry **link;

    chp_delete (map, entry->key);
    if (entry->size == 0) {
        chp_entry_free (entry);
        return;
    }
    link = chp_find (map, entry->key);
    entry->next = NULL;
    *link = entry;
    map->count++;
}

static inline void chp_clear (struct chp_map *map)
{
    int i;
    for (i = 0; i < CHP_BUCKETS; i++)
        while (map->buckets[i])
            chp_delete (map, map->buckets[i]->key);
}

/* ------------------------------------------------------------------ the messages */

/*  Key, sequence, UUID, properties, value. */
static inline void chp_write (struct message *message, const char *key, uint64_t sequence, const unsigned char *uuid,
                              const char *properties, const void *value, size_t size)
{
    unsigned char number[8];
    int i;

    for (i = 0; i < 8; i++)
        number[i] = (unsigned char) (sequence >> (56 - 8 * i));
    message_append_text (message, key);
    message_append (message, number, 8);
    message_append (message, uuid, uuid ? CHP_UUID : 0);
    message_append_text (message, properties);
    message_append (message, value, size);
}

static inline void chp_write_entry (struct message *message, struct chp_entry *entry)
{
    chp_write (message, entry->key, entry->sequence, entry->has_uuid ? entry->uuid : NULL, entry->properties,
               entry->value, entry->size);
}

static inline uint64_t chp_sequence (struct message *message)
{
    unsigned char *bytes = message_data (message, 1);
    uint64_t sequence = 0;
    int i;
    for (i = 0; i < 8; i++)
        sequence = sequence << 8 | bytes[i];
    return sequence;
}

/*  True for a message of this form, whatever it means. */
static inline int chp_valid (struct message *message)
{
    return message->count == 5 && message_size (message, 0) < CHP_KEY && message_size (message, 1) == 8
           && message_size (message, 3) < CHP_PROPERTIES
           && (message_size (message, 2) == 0 || message_size (message, 2) == CHP_UUID);
}

/*  The entry that a valid message describes. Its time to live begins now. */
static inline struct chp_entry *chp_read (struct message *message)
{
    struct chp_entry *entry = calloc (1, sizeof *entry);
    const char *ttl;

    check (entry != NULL, "calloc");
    message_text (message, 0, entry->key, sizeof entry->key);
    entry->sequence = chp_sequence (message);
    entry->has_uuid = message_size (message, 2) == CHP_UUID;
    if (entry->has_uuid)
        memcpy (entry->uuid, message_data (message, 2), CHP_UUID);
    message_text (message, 3, entry->properties, sizeof entry->properties);
    for (ttl = entry->properties; ttl && *ttl; ttl = strchr (ttl, '\n') ? strchr (ttl, '\n') + 1 : NULL)
        if (!strncmp (ttl, "ttl=", 4))
            entry->expires = clock_ms () + 1000 * (int64_t) atoi (ttl + 4);
    entry->size = message_size (message, 4);
    entry->value = malloc (entry->size + 1);
    check (entry->value != NULL, "malloc");
    memcpy (entry->value, message_data (message, 4), entry->size);
    return entry;
}

#endif
