//! Redis's commands and where their keys are, as `COMMAND` of Redis 7.0 says; newer commands as their documentation
//! says. `engine/tests/databases/redis_keys.rs` compares the table with a server's `COMMAND GETKEYS`.
//!
//! Channels are no keys: they are the field `channel`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Which arguments of a command are keys; argument 0 is the command itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    None,
    /// From `first` to `last`, each `step`-th; a negative `last` counts from the end.
    Range {
        first: usize,
        last: isize,
        step: usize,
    },
    /// Argument `count` says how many keys follow it, each `step`-th argument; `also` is one more.
    Counted {
        count: usize,
        step: usize,
        also: Option<usize>,
    },
    /// The first half of what follows the word `STREAMS`, looked for from argument `from` on.
    Streams {
        from: usize,
    },
    /// The first argument, and the one after each of these words, looked for from argument `from` on.
    Stored {
        from: usize,
        words: &'static [&'static str],
    },
    /// `SORT`: the first argument, and the one after the last `STORE`. What `BY` and `GET` name are patterns.
    Sort,
    /// `MIGRATE`: the third argument; when that is empty, all after the word `KEYS`.
    Migrate,
}

/// Where the keys of a command are, whatever the case of its letters. A command that is not in the table, a
/// module's for example, has its key first.
pub fn keys_of(command: &[u8]) -> Keys {
    static BY_NAME: LazyLock<HashMap<&[u8], Keys>> = LazyLock::new(|| {
        let row = |(keys, names): &'static (Keys, &str)| {
            names.split_ascii_whitespace().map(|name| (name.as_bytes(), *keys))
        };
        let channels = CHANNELS.iter().map(|(_, name)| (name.as_bytes(), Keys::None));
        TABLE.iter().chain(MODULES).flat_map(row).chain(channels).collect()
    });
    let mut upper = [0; LONGEST_NAME];
    let known = upper.get_mut(..command.len()).and_then(|upper| {
        upper.copy_from_slice(command);
        upper.make_ascii_uppercase();
        BY_NAME.get(&*upper).copied()
    });
    known.unwrap_or(FIRST)
}

/// The positions of the channels a command publishes to or subscribes to, of `count` arguments.
pub fn channels_of(command: &[u8], count: usize) -> std::ops::Range<usize> {
    let found = CHANNELS.iter().find(|(_, name)| command.eq_ignore_ascii_case(name.as_bytes()));
    match found {
        Some((Several::One, _)) => 1..count.min(2),
        Some((Several::All, _)) => 1..count.max(1),
        None => 0..0,
    }
}

/// No command of the table is longer.
const LONGEST_NAME: usize = 24;

/// The names of all commands, for completion.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    let channels = CHANNELS.iter().map(|(_, name)| *name);
    TABLE.iter().flat_map(|(_, names)| names.split_ascii_whitespace()).chain(channels)
}

impl Keys {
    /// The positions of the keys among `args`, whose total number is `count`; `args` may be cut short.
    pub fn positions(self, args: &[&[u8]], count: usize) -> Vec<usize> {
        // A command may say that it has billions of arguments: only those that are there are gone through.
        let there = args.len();
        let mut positions: Vec<usize> = match self {
            Keys::None => Vec::new(),
            Keys::Range { first, last, step } => {
                (first..end_of(last, count).min(there)).step_by(step).collect()
            }
            Keys::Counted { count: at, step, also } => {
                also.into_iter().chain((at + 1..there).step_by(step).take(number_at(args, at))).collect()
            }
            Keys::Streams { from } => streams(args, from, count)
                .map_or(Vec::new(), |keys| (keys.start..keys.end.min(there)).collect()),
            Keys::Stored { from, words } => {
                let stored = words.iter().filter_map(|word| Some(position_of(word, args, from)? + 1));
                std::iter::once(1).chain(stored).collect()
            }
            Keys::Sort => std::iter::once(1).chain(sort_destination(args)).collect(),
            Keys::Migrate => match migrated(args).filter(|_| args[3].is_empty()) {
                Some(start) => (start..there).collect(),
                None => vec![3],
            },
        };
        positions.retain(|&at| at < there);
        positions
    }

    /// True when no key of a command of `count` arguments can be behind those that are there.
    pub fn are_among(self, args: &[&[u8]], count: usize) -> bool {
        let there = args.len();
        if there >= count {
            return true;
        }
        match self {
            Keys::None => true,
            Keys::Range { first, last, step } => {
                let end = end_of(last, count).min(count);
                end <= first || first + (end - 1 - first) / step * step < there
            }
            Keys::Counted { count: at, step, .. } => {
                let number = number_at(args, at);
                at < there && (number == 0 || number <= there && at + 1 + (number - 1) * step < there)
            }
            Keys::Streams { from } => streams(args, from, count).is_some_and(|keys| keys.end <= there),
            Keys::Stored { .. } | Keys::Sort | Keys::Migrate => false,
        }
    }
}

/// Behind the last of a range of `count` arguments.
fn end_of(last: isize, count: usize) -> usize {
    match usize::try_from(last) {
        Ok(last) => last + 1,
        Err(_) => count.saturating_sub(last.unsigned_abs() - 1),
    }
}

fn number_at(args: &[&[u8]], at: usize) -> usize {
    let text = std::str::from_utf8(args.get(at).copied().unwrap_or_default());
    text.unwrap_or_default().parse().unwrap_or(0)
}

/// The keys of `XREAD`, as many as there are positions behind them.
fn streams(args: &[&[u8]], from: usize, count: usize) -> Option<std::ops::Range<usize>> {
    let start = position_of("STREAMS", args, from)? + 1;
    Some(start..start + count.saturating_sub(start) / 2)
}

/// Where the word is among the arguments from `from` on.
fn position_of(word: &str, args: &[&[u8]], from: usize) -> Option<usize> {
    (from..args.len()).find(|&at| args[at].eq_ignore_ascii_case(word.as_bytes()))
}

/// Behind the last `STORE` of a `SORT`; the values of other options are passed over.
fn sort_destination(args: &[&[u8]]) -> Option<usize> {
    let (mut at, mut found) = (2, None);
    while at < args.len() {
        let is = |word: &str| args[at].eq_ignore_ascii_case(word.as_bytes());
        if is("STORE") {
            found = Some(at + 1);
        }
        at += match () {
            () if is("LIMIT") => 3,
            () if is("GET") || is("BY") => 2,
            () => 1,
        };
    }
    found
}

/// Behind the `KEYS` of a `MIGRATE`; names and passwords are passed over.
fn migrated(args: &[&[u8]]) -> Option<usize> {
    let mut at = 6;
    while at < args.len() {
        let is = |word: &str| args[at].eq_ignore_ascii_case(word.as_bytes());
        at += match () {
            () if is("KEYS") => return Some(at + 1),
            () if is("AUTH") => 2,
            () if is("AUTH2") => 3,
            () => 1,
        };
    }
    None
}

const FIRST: Keys = Keys::Range { first: 1, last: 1, step: 1 };
const SECOND: Keys = Keys::Range { first: 2, last: 2, step: 1 };
const TWO: Keys = Keys::Range { first: 1, last: 2, step: 1 };
const ALL: Keys = Keys::Range { first: 1, last: -1, step: 1 };

const fn counted(count: usize) -> Keys {
    Keys::Counted { count, step: 1, also: None }
}

/// How many channels a command names.
#[derive(Debug, Clone, Copy)]
enum Several {
    One,
    All,
}

static CHANNELS: &[(Several, &str)] = &[
    (Several::One, "PUBLISH"),
    (Several::One, "SPUBLISH"),
    (Several::All, "SUBSCRIBE"),
    (Several::All, "PSUBSCRIBE"),
    (Several::All, "SSUBSCRIBE"),
    (Several::All, "UNSUBSCRIBE"),
    (Several::All, "PUNSUBSCRIBE"),
    (Several::All, "SUNSUBSCRIBE"),
];

static TABLE: &[(Keys, &str)] = &[
    (
        Keys::None,
        "ACL ASKING AUTH BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE DEBUG DISCARD ECHO EXEC \
         FAILOVER FLUSHALL FLUSHDB FUNCTION HELLO INFO KEYS LASTSAVE LATENCY LOLWUT MODULE MONITOR MULTI \
         PFSELFTEST PING PSYNC PUBSUB QUIT RANDOMKEY READONLY READWRITE REPLCONF REPLICAOF RESET ROLE \
         SAVE SCAN SCRIPT SELECT SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC TIME UNWATCH WAIT WAITAOF",
    ),
    (
        FIRST,
        "APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS DECR DECRBY DELEX DIGEST DUMP EXPIRE EXPIREAT EXPIRETIME \
         GEOADD GEODIST GEOHASH GEOPOS GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETDEL GETEX \
         GETRANGE GETSET HDEL HEXISTS HEXPIRE HEXPIREAT HEXPIRETIME HGET HGETALL HGETDEL HGETEX HINCRBY \
         HINCRBYFLOAT HKEYS HLEN HMGET HMSET HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL HRANDFIELD HSCAN \
         HSET HSETEX HSETNX HSTRLEN HTTL HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT LLEN LPOP LPOS LPUSH \
         LPUSHX LRANGE LREM LSET LTRIM MOVE PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PFADD PSETEX PTTL RESTORE \
         RESTORE-ASKING RPOP RPUSH RPUSHX SADD SCARD SET SETBIT SETEX SETNX SETRANGE SISMEMBER SMEMBERS \
         SMISMEMBER SORT_RO SPOP SRANDMEMBER SREM SSCAN STRLEN SUBSTR TTL TYPE VADD VCARD VDIM VEMB VGETATTR \
         VINFO VISMEMBER VLINKS VRANDMEMBER VRANGE VREM VSETATTR VSIM XACK XACKDEL XADD XAUTOCLAIM XCLAIM XDEL \
         XDELEX XLEN XPENDING XRANGE XREVRANGE XSETID XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX \
         ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK \
         ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE",
    ),
    (
        ALL,
        "DEL EXISTS MGET PFCOUNT PFMERGE SDIFF SDIFFSTORE SINTER SINTERSTORE SUNION SUNIONSTORE TOUCH UNLINK WATCH",
    ),
    (Keys::Range { first: 1, last: -2, step: 1 }, "BLPOP BRPOP BZPOPMAX BZPOPMIN"),
    (Keys::Range { first: 1, last: -1, step: 2 }, "MSET MSETNX"),
    (TWO, "BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE"),
    (Keys::Range { first: 2, last: -1, step: 1 }, "BITOP"),
    (SECOND, "MEMORY OBJECT PFDEBUG XGROUP XINFO"),
    (Keys::Stored { from: 6, words: &["STORE", "STOREDIST"] }, "GEORADIUS"),
    (Keys::Stored { from: 5, words: &["STORE", "STOREDIST"] }, "GEORADIUSBYMEMBER"),
    (Keys::Sort, "SORT"),
    (Keys::Migrate, "MIGRATE"),
    (counted(1), "LMPOP SINTERCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION"),
    (counted(2), "BLMPOP BZMPOP EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO"),
    (Keys::Counted { count: 1, step: 2, also: None }, "MSETEX"),
    (Keys::Counted { count: 2, step: 1, also: Some(1) }, "ZDIFFSTORE ZINTERSTORE ZUNIONSTORE"),
    (Keys::Streams { from: 1 }, "XREAD"),
    (Keys::Streams { from: 4 }, "XREADGROUP"),
];

/// Commands of Redis's own modules whose keys are not the first argument alone. Names of search indexes and of
/// dictionaries are no keys.
static MODULES: &[(Keys, &str)] = &[
    (
        Keys::None,
        "FT._LIST FT.AGGREGATE FT.ALIASADD FT.ALIASDEL FT.ALIASUPDATE FT.ALTER FT.CONFIG FT.CREATE FT.CURSOR \
         FT.DICTADD FT.DICTDEL FT.DICTDUMP FT.DROPINDEX FT.EXPLAIN FT.EXPLAINCLI FT.HYBRID FT.INFO FT.PROFILE \
         FT.SEARCH FT.SPELLCHECK FT.SYNDUMP FT.SYNUPDATE FT.TAGVALS TS.MGET TS.MRANGE TS.MREVRANGE TS.QUERYINDEX",
    ),
    (SECOND, "JSON.DEBUG"),
    (Keys::Range { first: 1, last: -2, step: 1 }, "JSON.MGET"),
    (Keys::Range { first: 1, last: -1, step: 3 }, "JSON.MSET TS.MADD"),
    (TWO, "TS.CREATERULE TS.DELETERULE"),
    (Keys::Counted { count: 2, step: 1, also: Some(1) }, "CMS.MERGE TDIGEST.MERGE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, keys: &[&str]) {
        let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let name = command.split(' ').next().unwrap_or_default();
        let found = keys_of(name.as_bytes()).positions(&args, args.len());
        let found: Vec<&str> = found.iter().map(|&at| std::str::from_utf8(args[at]).unwrap()).collect();
        assert_eq!(found, keys, "{command}");
    }

    #[test]
    fn keys_are_found_where_redis_has_them() {
        check("GET k", &["k"]);
        check("set k v", &["k"]);
        check("PING", &[]);
        check("MSET a 1 b 2", &["a", "b"]);
        check("MGET a b c", &["a", "b", "c"]);
        check("BLPOP a b 0", &["a", "b"]);
        check("EVAL script 2 a b arg", &["a", "b"]);
        check("EVAL script 99999999999 a", &["a"]);
        check("ZUNIONSTORE out 2 a b WEIGHTS 1 2", &["out", "a", "b"]);
        check("XREAD COUNT 2 STREAMS a b 0 0", &["a", "b"]);
        check("XREADGROUP GROUP g c STREAMS a >", &["a"]);
        check("OBJECT ENCODING k", &["k"]);
        check("RENAME a b", &["a", "b"]);
        check("BITOP AND dest a b", &["dest", "a", "b"]);
        check("PUBLISH news hello", &[]);
        check("subscribe a b", &[]);
        check("SORT k BY store GET store LIMIT 0 store STORE a STORE b", &["k", "b"]);
        check("SORT_RO k BY store", &["k"]);
        check("GEORADIUS k 1 2 3 m store a STOREDIST b", &["k", "a", "b"]);
        check("GEORADIUSBYMEMBER k store 3 m", &["k"]);
        check("MIGRATE h 1 k 0 5 COPY", &["k"]);
        check("MIGRATE h 1  0 5 AUTH KEYS KEYS a b", &["a", "b"]);
        check("MIGRATE h 1  0 5 AUTH2 KEYS KEYS keys a", &["a"]);
        check("XREADGROUP GROUP streams streams STREAMS a b 0 0", &["a", "b"]);
        // What the server this was compared with does not have.
        check("MSETEX 2 a 1 b 2 EX 10", &["a", "b"]);
        check("HGETEX h EX 10 FIELDS 1 f", &["h"]);
        check("JSON.MSET a $ 1 b $ 2", &["a", "b"]);
        check("JSON.MGET a b $", &["a", "b"]);
        check("TS.MADD a 1 1 b 2 2", &["a", "b"]);
        check("CMS.MERGE out 2 a b WEIGHTS 1 1", &["out", "a", "b"]);
        check("FT.SEARCH index query", &[]);
        check("JSON.SET doc $ 1", &["doc"]);
        check("MGET", &[]);
    }

    #[test]
    fn keys_that_are_not_there_yet_are_known_of() {
        let check = |command: &str, count: usize, expected: bool| {
            let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            let keys = keys_of(args[0]);
            assert_eq!(keys.are_among(&args, count), expected, "{command} of {count}");
            assert!(keys.positions(&args, count).len() < args.len());
        };
        check("SET k", 3, true);
        check("SET", 3, false);
        check("PING", 2, true);
        check("DEL a b", 3, true);
        check("DEL a b", 4, false);
        check("DEL a b", usize::MAX, false);
        check("MSET a", 3, true);
        check("MSET a 1 b", 5, true);
        check("MSET a 1", 5, false);
        check("BLPOP a b", 4, true);
        check("EVAL script", 4, false);
        check("EVAL script 0", 9, true);
        check("EVAL script 2 a", 9, false);
        check("EVAL script 2 a b", 9, true);
        check("EVAL script 99999999999 a b", 9, false);
        check("XREAD STREAMS a b", 6, true);
        check("XREAD STREAMS a", 6, false);
        check("XREAD COUNT 1", 6, false);
        check("SORT k", 4, false);
    }

    #[test]
    fn channels_are_told_apart_from_what_is_sent() {
        let of = |command: &[u8], count| channels_of(command, count).collect::<Vec<_>>();
        assert_eq!(of(b"publish", 3), [1]);
        assert_eq!(of(b"PSUBSCRIBE", 3), [1, 2]);
        assert_eq!(of(b"UNSUBSCRIBE", 1), [0; 0]);
        assert_eq!(of(b"PUBLISH", 1), [0; 0]);
        assert_eq!(of(b"GET", 2), [0; 0]);
    }

    #[test]
    fn no_command_stands_in_the_table_twice() {
        let modules = MODULES.iter().flat_map(|(_, names)| names.split_ascii_whitespace());
        let mut names: Vec<&str> = command_names().chain(modules).collect();
        let all = names.len();
        assert!(names.iter().all(|name| name.len() <= LONGEST_NAME));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
