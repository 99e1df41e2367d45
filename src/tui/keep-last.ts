/** Frames come ten times a second while requests arrive, and most show what the last one showed: its answer is kept, and made anew when its key differs. */

export function keepLast<A extends readonly unknown[], R>(
  make: (...args: A) => R,
  keyOf: (...args: A) => readonly unknown[]
): (...args: A) => R {
  let last: { readonly key: readonly unknown[]; readonly value: R } | undefined
  return (...args) => {
    const key = keyOf(...args)
    if (last === undefined || !key.every((part, index) => Object.is(part, last?.key[index]))) last = { key, value: make(...args) }
    return last.value
  }
}
