/** docs/replay.md: its commands run, and print what it shows. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { harText } from '../../src/capture/har.ts'
import { maskHeaders } from '../../src/capture/mask.ts'
import { body, kept, keptRequest, keptResponse } from '../harness/kept.ts'
import { runCli } from './run-cli.ts'

const page = await readFile(new URL('../../docs/replay.md', import.meta.url), 'utf8')
const commands = [...page.matchAll(/^ {4}kubectl intercept (replay .*)$/gm)].map(match => match[1] ?? '')
const shown = [...page.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(match => match[1] ?? '')
const cart = (price: number): string => JSON.stringify({ items: [{ name: 'mug', price }], n: 1 })
const JSON_TYPE: [string, string] = ['Content-Type', 'application/json']
const ORDER = '{"order": "A-17"}'

let folder: string
let server: http.Server
let price: number
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'page-'))
  price = 3
  server = http.createServer((request, response) => {
    const isCart = request.url === '/api/cart'
    response.writeHead(isCart ? 200 : 201, [JSON_TYPE].flat()).end(isCart ? cart(price) : ORDER)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const recorded = [
    kept({ id: '1', request: keptRequest({ path: '/api/cart' }), response: keptResponse({ headers: [JSON_TYPE], body: body(cart(3)) }) }),
    kept({
      id: '2',
      request: keptRequest({ method: 'POST', path: '/api/checkout', body: body('{}') }),
      response: keptResponse({ status: 201, headers: [JSON_TYPE], body: body(ORDER) })
    })
  ]
  await writeFile(path.join(folder, 'traffic.har'), harText(recorded, { mask: maskHeaders() }))
})
afterEach(async () => {
  server.close()
  server.closeAllConnections()
  await rm(folder, { recursive: true })
})

/** A command of the page, with the port that the app has here. */
function run(command: string) {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
  const { port } = server.address() as AddressInfo
  return runCli(
    words.map(word => word.replace('localhost:8080', `127.0.0.1:${port}`)),
    { cwd: folder }
  )
}
/** Times differ each time. */
const timeless = (text: string): string => text.replace(/ +[\d.]+ ?m?s(?= )/g, ' TIME')

describe('docs/replay.md', () => {
  it('has commands that run', async () => {
    expect(commands.length).toBeGreaterThan(3)
    for (const command of commands)
      expect([command, await run(command)]).toEqual([command, expect.objectContaining({ code: 0, stderr: '' })])
  })

  it('shows what the first of them prints, before and after a change', async () => {
    const [command = ''] = commands
    const same = await run(command)
    expect([timeless(same.stdout), same.code]).toEqual([timeless(shown[0] ?? ''), 0])
    price = 4
    const other = await run(command)
    expect([timeless(other.stdout), other.code]).toEqual([timeless(shown[1] ?? ''), 1])
  })
})
