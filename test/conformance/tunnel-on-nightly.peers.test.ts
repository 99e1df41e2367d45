/** Our sidecar and session on a stock server of the gost nightly. */
import { CARRIER_BYTES, STOCK_SERVER, tunnelSuite } from './tunnel-suite.ts'

const common = { server: 'nightly', bulkBytes: 64 * 1024 * 1024, samples: 400, differs: STOCK_SERVER } as const

tunnelSuite({ ...common, connector: 'sidecar', carrier: 'ws', cases: 'all' })
tunnelSuite({ ...common, connector: 'sidecar', carrier: 'wss', cases: 'carrier', bulkBytes: CARRIER_BYTES })
