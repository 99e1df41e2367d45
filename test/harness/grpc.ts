/** A real gRPC server and client (@grpc/grpc-js) for one small service, without protocol buffers: messages are text. */
import grpc from '@grpc/grpc-js'

const text = { serialize: (value: string): Buffer => Buffer.from(value), deserialize: (bytes: Buffer): string => bytes.toString() }
const method = (path: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<string, string> => ({
  path: `/test.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: text.serialize,
  requestDeserialize: text.deserialize,
  responseSerialize: text.serialize,
  responseDeserialize: text.deserialize
})

const SERVICE = {
  /** Says it back, with metadata and trailers; `fail` is a status of the app. */
  say: method('Say', false, false),
  /** Says it back once, and goes on until cancelled. */
  repeat: method('Repeat', false, true),
  /** Each message back as it comes. */
  chat: method('Chat', true, true)
}

export interface GrpcApp extends AsyncDisposable {
  readonly port: number
  readonly counts: { calls: number; cancelled: number }
}

export async function startGrpcApp(at = 0): Promise<GrpcApp> {
  const counts = { calls: 0, cancelled: 0 }
  const server = new grpc.Server()
  server.addService(SERVICE, {
    say(call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) {
      counts.calls += 1
      const trailer = new grpc.Metadata()
      trailer.set('x-trailer', 't')
      const head = new grpc.Metadata()
      head.set('x-head', String(call.metadata.get('x-ask')[0] ?? ''))
      call.sendMetadata(head)
      if (call.request === 'wait') call.on('cancelled', () => (counts.cancelled += 1))
      else if (call.request === 'fail') done({ code: grpc.status.FAILED_PRECONDITION, details: 'no, thank you: é', metadata: trailer })
      else done(null, call.request, trailer)
    },
    repeat(call: grpc.ServerWritableStream<string, string>) {
      counts.calls += 1
      call.on('cancelled', () => (counts.cancelled += 1))
      call.write(call.request)
    },
    chat(call: grpc.ServerDuplexStream<string, string>) {
      counts.calls += 1
      call.on('data', (message: string) => call.write(`re: ${message}`))
      call.on('end', () => call.end())
    }
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${at}`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error)
    )
  )
  return { port, counts, [Symbol.asyncDispose]: () => Promise.resolve(server.forceShutdown()) }
}

export interface Said {
  message: string
  head: grpc.Metadata
  trailers: grpc.Metadata
}

export class GrpcVisitor implements Disposable {
  readonly #client: grpc.Client

  constructor(port: number, authority: string, credentials = grpc.credentials.createInsecure(), options: grpc.ClientOptions = {}) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      'grpc.default_authority': authority,
      'grpc.enable_retries': 0,
      ...options
    })
  }

  /** Rejects with the ServiceError. */
  say(message: string, { ask = '', deadlineMs = 10_000 }: { ask?: string; deadlineMs?: number } = {}): Promise<Said> {
    const metadata = new grpc.Metadata()
    metadata.set('x-ask', ask)
    const deadline = new Date(Date.now() + deadlineMs)
    return new Promise((resolve, reject) => {
      let head = new grpc.Metadata()
      let answer = ''
      const { path, requestSerialize, responseDeserialize } = SERVICE.say
      const call = this.#client.makeUnaryRequest<string, string>(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        metadata,
        { deadline },
        (error, value) => {
          if (error === null) answer = value ?? ''
          else reject(error)
        }
      )
      call.on('metadata', (received: grpc.Metadata) => {
        head = received
      })
      call.on('status', ({ code, metadata: trailers }: grpc.StatusObject) => {
        if (code === grpc.status.OK) resolve({ message: answer, head, trailers })
      })
    })
  }

  repeat(message: string): grpc.ClientReadableStream<string> {
    const { path, requestSerialize, responseDeserialize } = SERVICE.repeat
    return this.#client.makeServerStreamRequest<string, string>(path, requestSerialize, responseDeserialize, message)
  }

  chat(): grpc.ClientDuplexStream<string, string> {
    const { path, requestSerialize, responseDeserialize } = SERVICE.chat
    return this.#client.makeBidiStreamRequest<string, string>(path, requestSerialize, responseDeserialize)
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}
