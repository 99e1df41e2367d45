/** What Ink says of key presses → their names in the key table. Keys that come in one piece (a quick hand, a slow line) are told apart. */
import type { Key } from 'ink'

const NAMED = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  ['delete', 'delete']
] as const satisfies readonly (readonly [keyof Key, string])[]

const CONTROL: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u001b': 'escape',
  ' ': 'space'
}

/** One name for each key, in their order. */
export function keyNames(input: string, key: Key): string[] {
  for (const [flag, name] of NAMED) if (key[flag]) return [name]
  if (key.ctrl && input.length === 1) return [`ctrl-${input.toLowerCase()}`]
  const names = Array.from(input, char => CONTROL[char] ?? (char < ' ' ? `ctrl-${String.fromCharCode(char.charCodeAt(0) + 96)}` : char))
  // Escape and the next key in one piece look like a key with Alt, which means nothing here.
  return key.meta ? ['escape', ...names] : names
}
