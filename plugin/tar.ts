/**
 * A ustar archive with nothing in it that changes from run to run (names sorted, no owner, no time), so that the same sources give the
 * same sha256 everywhere. Regular files only; paths up to 100 bytes, or 255 where they can be cut at a slash.
 */
import { gzipSync } from 'node:zlib'

const BLOCK = 512

export interface TarFile {
  readonly path: string
  readonly mode: number
  readonly content: Buffer
  /** Extended attributes, by name. */
  readonly xattrs?: Readonly<Record<string, Buffer>>
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`

/** ustar keeps the last 100 bytes of a path as its name, what is before them (up to a slash) as its prefix. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  const cut = path.indexOf('/', path.length - 101)
  if (cut <= 0 || cut > 155) throw new Error(`${path}: too long for a ustar archive`)
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) }
}

/** `x` is a header about the next one. */
function header({ path, mode, content }: TarFile, type: '0' | 'x' = '0'): Buffer {
  const { name, prefix } = splitPath(path)
  const block = Buffer.alloc(BLOCK)
  const put = (text: string, at: number): number => block.write(text, at, 'utf8')
  put(name, 0)
  put(octal(mode, 8), 100)
  put(octal(0, 8), 108)
  put(octal(0, 8), 116)
  put(octal(content.length, 12), 124)
  put(octal(0, 12), 136)
  put(' '.repeat(8), 148)
  put(type, 156)
  put('ustar\x0000', 257)
  put(octal(0, 8), 329)
  put(octal(0, 8), 337)
  put(prefix, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** One record of a pax header: its own length in decimal counts too. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function blocksOf(file: TarFile, type: '0' | 'x' = '0'): Buffer[] {
  const attributes = Object.entries(file.xattrs ?? {})
  const about =
    attributes.length === 0
      ? []
      : blocksOf(
          {
            path: `pax/${file.path}`,
            mode: 0o644,
            content: Buffer.concat(attributes.map(([name, value]) => paxRecord(`SCHILY.xattr.${name}`, value)))
          },
          'x'
        )
  return [...about, header(file, type), file.content, Buffer.alloc((BLOCK - (file.content.length % BLOCK)) % BLOCK)]
}

/** The archive of `{ path, mode, content }` entries. */
export function tar(files: readonly TarFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return Buffer.concat([...sorted.flatMap(file => blocksOf(file)), Buffer.alloc(2 * BLOCK)])
}

/** The same, gzipped. */
export function tarGz(files: readonly TarFile[]): Buffer {
  const archive = gzipSync(tar(files), { level: 9 })
  // The tenth byte names the system that compressed it; 255 is "unknown", and the same everywhere.
  archive[9] = 255
  return archive
}
