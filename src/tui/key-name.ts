/** What Ink says of a key press → its name in the key table; several characters at once are a paste. */
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

export function keyName(input: string, key: Key): string {
  for (const [flag, name] of NAMED) if (key[flag]) return name
  if (key.ctrl && input.length === 1) return `ctrl-${input.toLowerCase()}`
  return input === ' ' ? 'space' : input
}
