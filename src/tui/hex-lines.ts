/** Bytes as a hex dump, sixteen a line. */
import { type Line, toned } from './line.ts'

const MAX_BYTES = 16_384

export function hexLines(bytes: Buffer): Line[] {
  const shown = bytes.subarray(0, MAX_BYTES)
  const lines: Line[] = []
  for (let at = 0; at < shown.length; at += 16) {
    const part = shown.subarray(at, at + 16)
    const pairs = [...part].map(byte => byte.toString(16).padStart(2, '0'))
    const hex = `${pairs.slice(0, 8).join(' ').padEnd(23)}  ${pairs.slice(8).join(' ').padEnd(23)}`
    const text = [...part].map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push([toned('gray', at.toString(16).padStart(8, '0')), { text: `  ${hex}  ` }, toned('cyan', text)])
  }
  if (bytes.length > MAX_BYTES) lines.push([toned('gray', `… ${bytes.length - MAX_BYTES} more bytes`)])
  return lines
}
