//! Redis's commands and where their keys stand, as `COMMAND` of Redis 7.0 tells it.
//!
//! Channels count as keys: a rule on `PUBLISH news` is written `key = "news"`.

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
    /// Argument `count` says how many keys follow it; `also` is one more.
    Counted {
        count: usize,
        also: Option<usize>,
    },
    /// The first half of what follows the word `STREAMS`.
    Streams,
}

/// Where the keys of a command stand, whatever the case of its letters. A command that is not in the table, a
/// module's for example, has its key first.
pub fn keys_of(command: &[u8]) -> Keys {
    static BY_NAME: LazyLock<HashMap<&[u8], Keys>> = LazyLock::new(|| {
        let row = |(keys, names): &'static (Keys, &str)| {
            names.split_ascii_whitespace().map(|name| (name.as_bytes(), *keys))
        };
        TABLE.iter().flat_map(row).collect()
    });
    let mut upper = [0; LONGEST_NAME];
    let known = upper.get_mut(..command.len()).and_then(|upper| {
        upper.copy_from_slice(command);
        upper.make_ascii_uppercase();
        BY_NAME.get(&*upper).copied()
    });
    known.unwrap_or(Keys::Range { first: 1, last: 1, step: 1 })
}

/// No command of the table is longer.
const LONGEST_NAME: usize = 24;

/// The names of all commands, for completion.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|(_, names)| names.split_ascii_whitespace())
}

impl Keys {
    /// The positions of the keys among `args`, whose total number is `count`; `args` may be cut short.
    pub fn positions(self, args: &[&[u8]], count: usize) -> Vec<usize> {
        let number = |at: usize| {
            let text = std::str::from_utf8(args.get(at).copied().unwrap_or_default()).unwrap_or_default();
            text.parse::<usize>().unwrap_or(0)
        };
        let mut positions: Vec<usize> = match self {
            Keys::None => Vec::new(),
            Keys::Range { first, last, step } => {
                let end = if last < 0 { count.saturating_sub(last.unsigned_abs()) } else { last as usize };
                (first..=end).step_by(step).collect()
            }
            Keys::Counted { count: at, also } => {
                let keys = at + 1..at + 1 + number(at).min(args.len());
                also.into_iter().chain(keys).collect()
            }
            Keys::Streams => {
                let word = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"STREAMS"));
                let start = word.map_or(count, |word| word + 1);
                (start..start + count.saturating_sub(start) / 2).collect()
            }
        };
        positions.retain(|&at| at < args.len());
        positions
    }
}

static TABLE: &[(Keys, &str)] = &[
    (
        Keys::None,
        "ACL ASKING AUTH BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE DEBUG DISCARD ECHO EXEC \
         FAILOVER FLUSHALL FLUSHDB FUNCTION HELLO INFO KEYS LASTSAVE LATENCY LOLWUT MODULE MONITOR MULTI \
         PFSELFTEST PING PSYNC PUBSUB QUIT RANDOMKEY READONLY READWRITE REPLCONF REPLICAOF RESET ROLE \
         SAVE SCAN SCRIPT SELECT SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC TIME UNWATCH WAIT",
    ),
    (
        Keys::Range { first: 1, last: 1, step: 1 },
        "APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS DECR DECRBY DUMP EXPIRE EXPIREAT EXPIRETIME GEOADD \
         GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH \
         GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS \
         HLEN HMGET HMSET HRANDFIELD HSCAN HSET HSETNX HSTRLEN HVALS INCR INCRBY INCRBYFLOAT LINDEX \
         LINSERT LLEN LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MOVE PERSIST PEXPIRE PEXPIREAT \
         PEXPIRETIME PFADD PSETEX PTTL PUBLISH RESTORE RESTORE-ASKING RPOP RPUSH RPUSHX SADD SCARD SET \
         SETBIT SETEX SETNX SETRANGE SISMEMBER SMEMBERS SMISMEMBER SORT SORT_RO SPOP SPUBLISH SRANDMEMBER \
         SREM SSCAN STRLEN SUBSTR TTL TYPE XACK XADD XAUTOCLAIM XCLAIM XDEL XLEN XPENDING XRANGE \
         XREVRANGE XSETID XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER \
         ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE \
         ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE",
    ),
    (
        Keys::Range { first: 1, last: -1, step: 1 },
        "DEL EXISTS MGET PFCOUNT PFMERGE PSUBSCRIBE PUNSUBSCRIBE SDIFF SDIFFSTORE SINTER SINTERSTORE \
         SSUBSCRIBE SUBSCRIBE SUNION SUNIONSTORE SUNSUBSCRIBE TOUCH UNLINK UNSUBSCRIBE WATCH",
    ),
    (Keys::Range { first: 1, last: -2, step: 1 }, "BLPOP BRPOP BZPOPMAX BZPOPMIN"),
    (Keys::Range { first: 1, last: -1, step: 2 }, "MSET MSETNX"),
    (
        Keys::Range { first: 1, last: 2, step: 1 },
        "BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE",
    ),
    (Keys::Range { first: 2, last: -1, step: 1 }, "BITOP"),
    (Keys::Range { first: 2, last: 2, step: 1 }, "MEMORY OBJECT PFDEBUG XGROUP XINFO"),
    (Keys::Range { first: 3, last: 3, step: 1 }, "MIGRATE"),
    (Keys::Counted { count: 1, also: None }, "LMPOP SINTERCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION"),
    (Keys::Counted { count: 2, also: None }, "BLMPOP BZMPOP EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO"),
    (Keys::Counted { count: 2, also: Some(1) }, "ZDIFFSTORE ZINTERSTORE ZUNIONSTORE"),
    (Keys::Streams, "XREAD XREADGROUP"),
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
        check("PUBLISH news hello", &["news"]);
        check("SUBSCRIBE a b", &["a", "b"]);
        check("JSON.SET doc $ 1", &["doc"]);
        check("MGET", &[]);
    }

    #[test]
    fn no_command_stands_in_the_table_twice() {
        let mut names: Vec<&str> = command_names().collect();
        let all = names.len();
        assert!(names.iter().all(|name| name.len() <= LONGEST_NAME));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
