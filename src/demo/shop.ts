/** A small shop for the demo's screen: JSON, forms, failures, a stream of events; one on the laptop and one "in the cluster". */
import type { RequestListener, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../base/clock.ts'

const TICK_MS = 1_000

/** `who`: sent as `x-served-by`. */
export function shop(who: string, clock: Clock): RequestListener {
  let order = 0
  return (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const { method = 'GET', url = '/' } = request
      if (url === '/events') return events(response, who, clock)
      order += 1
      const { status, body } = answer({ method, url, text: Buffer.concat(chunks).toString('utf8'), order })
      const json = `${JSON.stringify(body)}\n`
      response
        .writeHead(status, { 'content-type': 'application/json', 'x-served-by': who, 'set-cookie': `visit=${order}; Path=/` })
        .end(json)
    })
  }
}

interface Question {
  method: string
  url: string
  text: string
  order: number
}

function answer({ method, url, text, order }: Question): { status: number; body: unknown } {
  if (method === 'POST' && url === '/api/checkout') {
    const card = cardIn(text)
    if (card.startsWith('4000')) return { status: 500, body: { error: 'card declined', card, trace: ['checkout', 'charge', 'decline'] } }
    return { status: 201, body: { order, card, total: 42.5 } }
  }
  const cart = /^\/api\/cart\/(\d+)/.exec(url)
  if (cart !== null)
    return {
      status: 200,
      body: {
        cart: Number(cart[1]),
        items: [
          { sku: 'mug', price: 12.5, count: 2 },
          { sku: 'tea', price: 17.5, count: 1 }
        ],
        currency: 'EUR'
      }
    }
  if (url.startsWith('/api/stock')) return { status: 200, body: { mug: 41, tea: 7 } }
  if (url === '/') return { status: 200, body: { shop: 'open' } }
  return { status: 404, body: { error: 'not found', url } }
}

function cardIn(text: string): string {
  try {
    const order = JSON.parse(text) as { card?: unknown }
    return typeof order.card === 'string' ? order.card : ''
  } catch {
    return '' // a form, or nothing
  }
}

function events(response: ServerResponse, who: string, clock: Clock): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-served-by': who })
  let count = 0
  const tick = (): void => void response.write(`event: price\ndata: {"sku":"mug","price":${(12 + (count += 1) / 10).toFixed(2)}}\n\n`)
  tick()
  const timer: Timer = clock.every(TICK_MS, tick, { unref: true })
  response.on('close', () => timer.cancel())
}
