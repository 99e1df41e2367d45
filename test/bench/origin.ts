/**
 * The app behind the tunnel, as a program that costs as little as Node can: `GET /` 12 bytes, `GET /close` the same and the end of the connection, `GET /size/N` N bytes, `POST /upload` counts.
 * Whoever asks for `Connection: close` gets it, in the answer too, as from every HTTP server. Prints `listening PORT`. It trusts its one visitor, the load
 * generator, to speak plain HTTP/1.1 with Content-Length.
 */
import net from 'node:net'

const SMALL = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n')
const CLOSING = Buffer.from(SMALL.toString('latin1').replace('Content-Type', 'Connection: close\r\nContent-Type'), 'latin1')
const BLOCK = Buffer.alloc(262_144, 'x')
const CLOSE = /\r\nconnection: *close/i
const HEAD_END = Buffer.from('\r\n\r\n')

/** Writes `bytes` of body as fast as the other side takes them. */
function send(socket: net.Socket, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK
      left -= block.length
      if (!socket.write(block)) {
        socket.once('drain', more)
        return
      }
    }
  }
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
  more()
}

function serve(socket: net.Socket): void {
  let pending = Buffer.alloc(0)
  let body = 0
  let uploaded = 0
  const answer = (head: string): void => {
    const [, path = '/'] = head.split(' ', 2)
    if (path.startsWith('/size/')) send(socket, Number(path.slice(6)))
    else if (path === '/upload') {
      body = uploaded = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    } else if (path === '/close' || CLOSE.test(head)) socket.end(CLOSING)
    else socket.write(SMALL)
  }
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', chunk => {
    let data = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    pending = Buffer.alloc(0)
    while (data.length > 0) {
      if (body > 0) {
        const taken = Math.min(body, data.length)
        body -= taken
        data = data.subarray(taken)
        if (body === 0) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(uploaded).length}\r\n\r\n${uploaded}`)
        continue
      }
      const end = data.indexOf(HEAD_END)
      if (end === -1) {
        pending = data
        return
      }
      answer(data.toString('latin1', 0, end))
      data = data.subarray(end + HEAD_END.length)
    }
  })
}

const server = net.createServer(serve)
server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, () => console.log(`listening ${(server.address() as net.AddressInfo).port}`))
