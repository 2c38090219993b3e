//! What a shared object says that it needs.

use std::path::Path;

const DYNAMIC: u32 = 6;
const NEEDED: u64 = 1;
const SONAME: u64 = 14;

/// The names in an object's dynamic section.
#[derive(Default)]
pub struct Dynamic {
    pub needed: Vec<String>,
    pub soname: Option<String>,
}

/// Reads the dynamic section of a 64-bit object in this machine's byte order. What is no such object needs nothing.
pub fn dynamic(path: &Path) -> Dynamic {
    std::fs::read(path).ok().and_then(|bytes| parse(&bytes)).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Option<Dynamic> {
    let file = File(bytes);
    if !bytes.starts_with(b"\x7fELF\x02") {
        return None;
    }
    let (table, size, count) = (file.u64(40)? as usize, file.u16(58)? as usize, file.u16(60)? as usize);
    let section = |index: usize| table.checked_add(index.checked_mul(size)?);
    let header =
        (0..count).filter_map(section).find(|header| file.u32(header.saturating_add(4)) == Some(DYNAMIC))?;
    let strings = file.u64(section(file.u32(header + 40)? as usize)? + 24)? as usize;
    let (start, length) = (file.u64(header + 24)? as usize, file.u64(header + 32)? as usize);

    let mut found = Dynamic::default();
    for entry in (0..length / 16).map(|index| start + index * 16) {
        let name = |file: &File| file.text(strings.checked_add(file.u64(entry + 8)? as usize)?);
        match file.u64(entry)? {
            0 => break,
            NEEDED => found.needed.extend(name(&file)),
            SONAME => found.soname = name(&file),
            _ => {}
        }
    }
    Some(found)
}

struct File<'a>(&'a [u8]);

impl File<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_ne_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_ne_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_ne_bytes)
    }

    fn text(&self, at: usize) -> Option<String> {
        let rest = self.0.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_needs_the_c_library() {
        let found = dynamic(&std::env::current_exe().unwrap());
        assert!(found.needed.iter().any(|name| name.starts_with("libc.so")), "{:?}", found.needed);
        assert_eq!(found.soname, None);
    }

    #[test]
    fn broken_files_need_nothing() {
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in [0, 4, 20, 63, 64, 200, 4096] {
            assert!(parse(&whole[..length]).is_none_or(|found| found.needed.is_empty()));
        }
        let mut twisted = whole[..64].to_vec();
        twisted[40..48].fill(0xff);
        assert!(parse(&twisted).is_none());
    }
}
