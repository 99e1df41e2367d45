/** HTTP/2 frames by hand (RFC 9113 §4.1), for visitors that no library would be. Header fields are literals without an index (RFC 7541 §6.2.2). */

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
export const FRAME = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8, CONTINUATION: 9 } as const
export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4 } as const

export interface Frame {
  type: number
  flags: number
  stream: number
  payload: Buffer
}

export function frame({ type, flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Frame> & { type: number }): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const settings = (): Buffer => frame({ type: FRAME.SETTINGS })

/** Names and values shorter than 127 bytes, in Latin-1. */
export const headerBlock = (fields: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[]): Buffer =>
  Buffer.concat(
    (Array.isArray(fields) ? fields : Object.entries(fields)).flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name, 'latin1'),
      Buffer.from([value.length]),
      Buffer.from(value, 'latin1')
    ])
  )

export const get = (stream: number, path: string, authority: string): Buffer =>
  frame({
    type: FRAME.HEADERS,
    flags: FLAG.END_HEADERS | FLAG.END_STREAM,
    stream,
    payload: headerBlock({ ':method': 'GET', ':scheme': 'http', ':authority': authority, ':path': path })
  })

/** The whole frames in what was received. */
export function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: bytes.subarray(at + 9, end)
    })
    at = end
  }
  return frames
}
