const FIRST_EVENT = `curl -s "$BURNLINE_INGEST_URL/v1/events" \\
  -H "Authorization: Bearer $BURNLINE_API_TOKEN" -H 'Content-Type: application/json' \\
  -d '{"service":"checkout","source":"trial","timestamp":"<now>","total":1000,"bad":2}'`;

/** How to make a service appear. */
export function FirstEvent() {
  return (
    <>
      <p>A service appears with its first event; this sends one:</p>
      <pre
        tabIndex={0}
        className="mx-auto mt-3 max-w-2xl overflow-auto rounded-md bg-raised p-3 text-left font-mono text-xs"
      >
        {FIRST_EVENT}
      </pre>
    </>
  );
}
