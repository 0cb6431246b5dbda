export function ServicePage() {
  return <h1 className="text-lg font-semibold">Service</h1>;
}
