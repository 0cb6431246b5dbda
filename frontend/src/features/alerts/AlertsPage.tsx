export function AlertsPage() {
  return <h1 className="text-lg font-semibold">Alerts</h1>;
}
