import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { acknowledge, type Alert } from "../../api/alerts";
import { Button } from "../../components/ui/Button";
import { TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";
import { Failure } from "../../components/ui/states";

export function AcknowledgeDialog({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [actor, setActor] = useState("");
  const [comment, setComment] = useState("");
  const queries = useQueryClient();
  const action = useMutation({
    mutationFn: () => acknowledge(alert, { actor, comment }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["alerts"] });
      onClose();
    },
  });
  return (
    <Modal
      open
      onClose={onClose}
      title={`Take on ${alert.service_name}, ${alert.rule}`}
      description="It counts for the alert as it stands: should it grow graver, it fires again."
    >
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          action.mutate();
        }}
      >
        <TextField
          label="Your name"
          required
          value={actor}
          onChange={(event) => setActor(event.target.value)}
        />
        <TextField
          label="Comment"
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
        {action.error && <Failure error={action.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={action.isPending}>
            Acknowledge
          </Button>
        </div>
      </form>
    </Modal>
  );
}
