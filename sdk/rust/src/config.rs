use crate::abi::get32;

/// The configuration: values by key, in ascending order of the keys.
pub struct Config<'a> {
    entries: &'a [u8],
    count: usize,
}

const ENTRY: usize = 8; // bytes before the key

impl<'a> Config<'a> {
    /// Reads a configuration (SPEC.md section 4.6); `None` where it is not of that form.
    pub(crate) fn read(struct_bytes: &'a [u8]) -> Option<Self> {
        if struct_bytes.len() < 8 {
            return None;
        }
        let entries = struct_bytes.get(get32(struct_bytes, 0) as usize..)?;
        let config = Config {
            entries,
            count: get32(struct_bytes, 4) as usize,
        };
        (config.iter().count() == config.count).then_some(config)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.iter().find(|(k, _)| *k == key.as_bytes()).map(|(_, value)| value)
    }

    /// The value of a key, where it is text.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        core::str::from_utf8(self.get(key)?).ok()
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> Entries<'a> {
        Entries {
            rest: self.entries,
            left: self.count,
        }
    }
}

/// Goes over a [`Config`].
pub struct Entries<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || self.rest.len() < ENTRY {
            return None;
        }
        let value_at = ENTRY.checked_add(get32(self.rest, 0) as usize)?;
        let end = value_at.checked_add(get32(self.rest, 4) as usize)?;
        let (key, value) = (self.rest.get(ENTRY..value_at)?, self.rest.get(value_at..end)?);
        self.rest = &self.rest[end..];
        self.left -= 1;
        Some((key, value))
    }
}
