//! Optional numbers in the space of plain ones, because a history holds millions of them.

/// A `u64` or nothing, in eight bytes. `u64::MAX` stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed64(u64);

/// A `u32` or nothing, in four bytes. `u32::MAX` stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed32(u32);

/// A `u16` or nothing, in two bytes. `u16::MAX` stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed16(u16);

impl Packed64 {
    /// Nothing.
    pub const NONE: Self = Self(u64::MAX);

    /// The number, if there is one.
    #[must_use]
    pub fn get(self) -> Option<u64> {
        (self.0 != u64::MAX).then_some(self.0)
    }
}

impl Packed32 {
    /// Nothing.
    pub const NONE: Self = Self(u32::MAX);

    /// The number, if there is one.
    #[must_use]
    pub fn get(self) -> Option<u32> {
        (self.0 != u32::MAX).then_some(self.0)
    }

    /// A number that may be too large for the space: rather nothing, then, than a wrong one.
    #[must_use]
    pub fn fitting(value: Option<u64>) -> Self {
        value.and_then(|value| u32::try_from(value).ok()).map_or(Self::NONE, Self)
    }
}

impl Packed16 {
    /// Nothing.
    pub const NONE: Self = Self(u16::MAX);

    /// The number, if there is one.
    #[must_use]
    pub fn get(self) -> Option<u16> {
        (self.0 != u16::MAX).then_some(self.0)
    }

    /// A number that may be too large for the space: rather nothing, then, than a wrong one.
    #[must_use]
    pub fn fitting(value: Option<u32>) -> Self {
        value.and_then(|value| u16::try_from(value).ok()).map_or(Self::NONE, Self)
    }
}

impl From<Option<u64>> for Packed64 {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::NONE, Self)
    }
}

impl From<Option<u32>> for Packed32 {
    fn from(value: Option<u32>) -> Self {
        value.map_or(Self::NONE, Self)
    }
}

impl Default for Packed16 {
    fn default() -> Self {
        Self::NONE
    }
}

impl Default for Packed64 {
    fn default() -> Self {
        Self::NONE
    }
}

impl Default for Packed32 {
    fn default() -> Self {
        Self::NONE
    }
}
