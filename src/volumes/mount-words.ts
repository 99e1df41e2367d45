/** `--mount` as typed → a folder here, and what is copied from where to where. Pure. */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { containerPath } from './inside.ts'

export interface CopyWord {
  /** A volume's name, or a path in the container. */
  from: string
  /** As typed; undefined: below the mount's folder, at the container's path. */
  to: string | undefined
}

export interface MountWords {
  /** As typed. */
  folder: string | undefined
  copies: CopyWord[]
}

const VOLUME_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const DRIVE = /^[A-Za-z]:[\\/]/
const EXAMPLE = 'for example: --mount ./pod, --mount data:./data, --mount /var/lib/app:./app'

const wrong = (message: string, hint = EXAMPLE): InterceptError => new InterceptError('BAD_USAGE', message, { hint })

/**
 * With a colon: NAME:LOCAL or PATH:LOCAL. Without: a word that a volume has for a name is that volume; of the others one is the folder, the first that is
 * no absolute path, else the first; the rest are paths in the container. Throws BAD_USAGE.
 */
export function readMountWords(words: readonly string[], volumes: readonly string[], platform: string): MountWords {
  const copies: CopyWord[] = []
  const plain: string[] = []
  for (const word of words) {
    if (word.trim() === '') throw wrong('--mount needs a folder, or NAME:LOCAL')
    const onDrive = platform === 'win32' && DRIVE.test(word)
    const colon = onDrive ? -1 : word.indexOf(':')
    if (colon >= 0) copies.push(copyWord(word, colon, volumes))
    else if (VOLUME_NAME.test(word) && volumes.includes(word)) copies.push({ from: word, to: undefined })
    else plain.push(word)
  }
  const folder = plain.find(word => !word.startsWith('/')) ?? plain[0]
  for (const word of plain) {
    if (word === folder) continue
    if (containerPath(word) === undefined || !word.startsWith('/'))
      throw wrong(
        `--mount names two folders, ${printable(folder ?? '')} and ${printable(word)}`,
        'name one, and NAME:LOCAL or PATH:LOCAL for copies'
      )
    copies.push({ from: word, to: undefined })
  }
  const homeless = copies.find(({ to }) => to === undefined)
  if (homeless !== undefined && folder === undefined)
    throw wrong(
      `--mount ${printable(homeless.from)} is a volume of the pod: to which folder here?`,
      `write --mount ${printable(homeless.from)}:./${printable(homeless.from)}; for a folder of that name here: --mount ./${printable(homeless.from)}`
    )
  return { folder, copies }
}

function copyWord(word: string, colon: number, volumes: readonly string[]): CopyWord {
  const [from, to] = [word.slice(0, colon), word.slice(colon + 1)]
  if (to === '') throw wrong(`--mount ${printable(word)}: the folder here is missing after the colon`)
  if (from.startsWith('/')) {
    if (containerPath(from) === '/') throw wrong(`--mount ${printable(word)}: all of a container is too much for a copy`)
    if (containerPath(from) === undefined)
      throw wrong(`--mount ${printable(word)}: ${printable(from)} is no path of a container without ..`)
    return { from, to }
  }
  if (!volumes.includes(from))
    throw wrong(
      `--mount ${printable(word)}: the pod has no volume ${printable(from)}`,
      volumes.length === 0
        ? 'name a path in the container: --mount /var/lib/app:./app'
        : `its volumes: ${volumes.join(', ')}; or a path in the container: --mount /var/lib/app:./app`
    )
  return { from, to }
}
