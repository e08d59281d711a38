//! How much room is left where the engine keeps its data.

/// Less than this is no room to run anything.
const FULL_BELOW_BYTES: u64 = 64 << 20;

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Left for everybody.
    pub free_bytes: u64,
    /// Of the whole file system.
    pub total_bytes: u64,
}

impl DiskSpace {
    /// Under 64 MiB, or under a twentieth where the whole is small.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.total_bytes > 0 && self.free_bytes < FULL_BELOW_BYTES.min(self.total_bytes / 20)
    }
}

/// Room at a path of this machine; `None` when it cannot be told (the engine is remote).
pub(super) fn space_at(path: &str) -> Option<DiskSpace> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(DiskSpace {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_below_64_mib_or_a_twentieth() {
        let cases = [
            (63 << 20, 100 << 30, true),
            (65 << 20, 100 << 30, false),
            (0, 16 << 20, true),
            (1 << 20, 16 << 20, false),
            (0, 0, false),
        ];
        for (free_bytes, total_bytes, full) in cases {
            assert_eq!(
                DiskSpace { free_bytes, total_bytes }.is_full(),
                full,
                "{free_bytes} of {total_bytes}"
            );
        }
    }

    #[test]
    fn a_path_that_is_not_here_has_no_answer() {
        assert_eq!(space_at("/no/such/place"), None);
        assert!(space_at("/").is_some_and(|space| space.total_bytes > 0));
    }
}
