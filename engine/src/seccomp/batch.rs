//! What `io_submit` asks for: operations that the kernel carries out later, without a call for each.

use std::io;

use super::sys;

/// Operations looked at in one call; further ones only repeat what the first show.
const MAX_OPERATIONS: u64 = 1024;
/// Size of `struct iocb` (linux/aio_abi.h).
const CONTROL_BLOCK: usize = 64;

/// One operation of an `io_submit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queued {
    pub kind: QueuedKind,
    pub descriptor: i32,
}

/// What a queued operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueuedKind {
    Read,
    Write,
    Sync,
    DataSync,
}

/// Reads the operations that `list`, an array of pointers, points to. Each kind on each descriptor is given once;
/// polls and empty operations are left out.
pub(super) fn read(thread: u32, list: u64, count: u64) -> io::Result<Vec<Queued>> {
    let mut found = Vec::new();
    for at in 0..count.min(MAX_OPERATIONS) {
        let mut pointer = [0; 8];
        read_whole(thread, list + 8 * at, &mut pointer)?;
        let mut block = [0; CONTROL_BLOCK];
        read_whole(thread, u64::from_le_bytes(pointer), &mut block)?;
        found.extend(parse(&block));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn read_whole(thread: u32, address: u64, into: &mut [u8]) -> io::Result<()> {
    match sys::read_memory(thread, address, into)? {
        read if read == into.len() => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::EFAULT)),
    }
}

/// `aio_lio_opcode` is at 16, `aio_fildes` at 20. The numbers are those of `IOCB_CMD_*`.
fn parse(block: &[u8; CONTROL_BLOCK]) -> Option<Queued> {
    let kind = match u16::from_le_bytes([block[16], block[17]]) {
        0 | 7 => QueuedKind::Read,
        1 | 8 => QueuedKind::Write,
        2 => QueuedKind::Sync,
        3 => QueuedKind::DataSync,
        _ => return None,
    };
    let descriptor = i32::from_le_bytes([block[20], block[21], block[22], block[23]]);
    Some(Queued { kind, descriptor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(opcode: u16, descriptor: i32) -> [u8; CONTROL_BLOCK] {
        let mut block = [0; CONTROL_BLOCK];
        block[16..18].copy_from_slice(&opcode.to_le_bytes());
        block[20..24].copy_from_slice(&descriptor.to_le_bytes());
        block
    }

    #[test]
    fn operations_are_read_from_memory() {
        let blocks = [block(1, 7), block(8, 7), block(0, 9), block(5, 3), block(3, 7)];
        let pointers: Vec<u64> = blocks.iter().map(|block| block.as_ptr() as u64).collect();
        let read = read(std::process::id(), pointers.as_ptr() as u64, 5).expect("our own memory");
        let of = |kind, descriptor| Queued { kind, descriptor };
        assert_eq!(read, [of(QueuedKind::Read, 9), of(QueuedKind::Write, 7), of(QueuedKind::DataSync, 7)]);
        assert!(super::read(std::process::id(), 8, 1).is_err());
    }
}
