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
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`

/** ustar keeps the last 100 bytes of a path as its name, what is before them (up to a slash) as its prefix. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  const cut = path.indexOf('/', path.length - 101)
  if (cut <= 0 || cut > 155) throw new Error(`${path}: too long for a ustar archive`)
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) }
}

function header({ path, mode, content }: TarFile): Buffer {
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
  put('0', 156)
  put('ustar\x0000', 257)
  put(octal(0, 8), 329)
  put(octal(0, 8), 337)
  put(prefix, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** The gzipped archive of `{ path, mode, content }` entries. */
export function tarGz(files: readonly TarFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const blocks = sorted.flatMap(file => [header(file), file.content, Buffer.alloc((BLOCK - (file.content.length % BLOCK)) % BLOCK)])
  const archive = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), { level: 9 })
  // The tenth byte names the system that compressed it; 255 is "unknown", and the same everywhere.
  archive[9] = 255
  return archive
}
