/** The other end of a smux session, by hand: writes frames as bytes, keeps what came as a list. Does nothing by itself. */
import type { Connection } from '../../src/base/connection.ts'
import { FrameDecoder } from '../../src/smux/decoder.ts'
import { FRAME, writeHeader } from '../../src/smux/frame.ts'

export interface RawFrame {
  command: keyof typeof FRAME
  id: number
  bytes?: Buffer
  consumed?: number
  windowBytes?: number
}

export interface RawPeer {
  /** In the order they came; the parts of one PSH are joined. */
  readonly frames: RawFrame[]
  /** Chunks as the connection handed them over: how many writes the other side made. */
  readonly chunks: Buffer[]
  /** As `PSH 3 5`: command, stream and payload length. */
  readonly log: string[]
  send(command: keyof typeof FRAME, id: number, payload?: Buffer): void
  update(id: number, consumed: number, windowBytes: number): void
  /** Payload received on a stream, joined. */
  received(id: number): Buffer
}

export function rawFrame(command: keyof typeof FRAME, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(8)
  writeHeader(header, 0, { command: FRAME[command], id, length: payload.length })
  return Buffer.concat([header, payload])
}

export function rawPeer(connection: Connection): RawPeer {
  const frames: RawFrame[] = []
  const chunks: Buffer[] = []
  const decoder = new FrameDecoder({
    onSyn: id => frames.push({ command: 'SYN', id }),
    onFin: id => frames.push({ command: 'FIN', id }),
    onNop: () => frames.push({ command: 'NOP', id: 0 }),
    onPayload: (id, bytes) => frames.push({ command: 'PSH', id, bytes: Buffer.from(bytes) }),
    onUpdate: (id, consumed, windowBytes) => frames.push({ command: 'UPD', id, consumed, windowBytes })
  })
  connection.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    decoder.push(chunk)
  })
  const send = (command: keyof typeof FRAME, id: number, payload?: Buffer): void => void connection.write(rawFrame(command, id, payload))
  return {
    frames,
    chunks,
    get log() {
      return frames.map(({ command, id, bytes }) => `${command} ${id}${bytes === undefined ? '' : ` ${bytes.length}`}`)
    },
    send,
    update(id, consumed, windowBytes) {
      const body = Buffer.alloc(8)
      body.writeUInt32LE(consumed, 0)
      body.writeUInt32LE(windowBytes, 4)
      send('UPD', id, body)
    },
    received: id => Buffer.concat(frames.flatMap(frame => (frame.command === 'PSH' && frame.id === id && frame.bytes ? [frame.bytes] : [])))
  }
}
