//! Windows by the hash of their keys, and the quickest comparison with each.

use std::borrow::Cow;

use super::FOLD_8;
use crate::rule::byte_set::ByteSet;

/// Windows by the hash of their keys.
#[derive(Clone)]
pub(crate) struct Index {
    /// By hash: the number of a group; 0 is empty.
    pub(crate) slots: Cow<'static, [u32]>,
    pub(crate) shift: u32,
    pub(crate) groups: Cow<'static, [Group]>,
    /// The last of each group's windows is marked.
    pub(crate) members: Cow<'static, [u32]>,
}

/// The windows of one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    /// Which bits of the first eight bytes all its windows have, but those of [`FOLD`], and their values.
    pub(crate) mask: u64,
    pub(crate) value: u64,
    /// Where its members start.
    pub(crate) from: u32,
}

/// Nothing has its value.
const EMPTY: Group = Group { mask: 0, value: 1, from: u32::MAX };
const LAST: u32 = 1 << 31;

/// What is fixed in the first eight classes of a window, compared at once: all bits of a class that is one byte or a letter in
/// both cases, of others the bits that all its bytes have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Literal {
    pub(crate) fold: u64,
    pub(crate) mask: u64,
    pub(crate) value: u64,
    /// Whether the classes must be compared too.
    pub(crate) more: bool,
}

impl Literal {
    pub(super) fn new(window: &[ByteSet]) -> Literal {
        let mut literal = Literal { fold: 0, mask: 0, value: 0, more: window.len() > 8 };
        for (k, set) in window.iter().take(8).enumerate() {
            let (all, none) = set.common_bits();
            // Two bytes that differ in the bit 0x20 alone: upper and lower case.
            let fold = if set.len() == 2 && all | none == 0xdf { 0x20 } else { 0 };
            literal.more |= set.len() > 1 && fold == 0;
            literal.fold |= u64::from(fold) << (8 * k);
            literal.mask |= u64::from(all | none | fold) << (8 * k);
            literal.value |= u64::from(all | fold) << (8 * k);
        }
        literal
    }

    #[inline(always)]
    pub(super) fn stands_in(&self, word: u64) -> bool {
        (word | self.fold) & self.mask == self.value
    }

    /// The mask and the value without the bits of [`FOLD`].
    pub(super) fn folded(&self) -> (u64, u64) {
        (self.mask & !FOLD_8, self.value & !FOLD_8)
    }
}

impl Index {
    /// An index of (key, window number), given the windows' literal bytes.
    pub(super) fn new(entries: &[(u32, u32)], literals: &[Literal]) -> Index {
        let size = (2 * entries.len()).next_power_of_two().max(16);
        let shift = 32 - size.trailing_zeros();
        let mut by_slot: Vec<_> =
            entries.iter().map(|(key, window)| ((hash(*key) >> shift) as usize, *window)).collect();
        by_slot.sort_unstable();
        by_slot.dedup();
        let (mut slots, mut groups, mut members) = (vec![0; size], vec![EMPTY], Vec::new());
        for same in by_slot.chunk_by(|a, b| a.0 == b.0) {
            let from = members.len() as u32;
            members.extend(same.iter().map(|(_, window)| *window));
            *members.last_mut().expect("a chunk is not empty") |= LAST;
            let of = |window: u32| literals[window as usize].folded();
            let (mut mask, value) = of(same[0].1);
            for (_, window) in same {
                let (other_mask, other) = of(*window);
                mask &= other_mask & !(value ^ other);
            }
            slots[same[0].0] = groups.len() as u32;
            groups.push(Group { mask, value: value & mask, from });
        }
        Index { slots: slots.into(), shift, groups: groups.into(), members: members.into() }
    }

    #[inline(always)]
    pub(super) fn parts(&self) -> (&[u32], u32, &[Group]) {
        (&self.slots, self.shift, &self.groups)
    }

    /// Calls `f` with each window whose key and literal bytes these are.
    #[inline(always)]
    pub(super) fn each(&self, key: u32, word: u64, literals: &[Literal], f: &mut impl FnMut(u32)) {
        let group = self.groups[self.slots[(hash(key) >> self.shift) as usize] as usize];
        if !group.stands_in(word) {
            return;
        }
        for member in &self.members[group.from as usize..] {
            let number = member & !LAST;
            if literals[number as usize].stands_in(word) {
                f(number);
            }
            if member & LAST != 0 {
                return;
            }
        }
    }
}

impl Group {
    #[inline(always)]
    pub(super) fn stands_in(&self, word: u64) -> bool {
        word & self.mask == self.value
    }
}

#[inline(always)]
pub(super) fn hash(key: u32) -> u32 {
    key.wrapping_mul(0x9e37_79b1)
}
