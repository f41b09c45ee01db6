import torch
import torch.nn.functional as F

from espnet2.legacy.nets.pytorch_backend.rnn.ragged import run_ragged


class RNNP:
    def forward(self, xs_pad, ilens, prev_state=None):
        """Run the layers.

        Args:
            xs_pad: (B, T, idim).
            ilens: (B,).
            prev_state: State of every layer.

        Returns:
            (B, T', hdim), lengths (B,), and the state of every layer.

        """
        if prev_state is not None and self.bidir:
            prev_state = reset_backward_rnn_state(prev_state)
        ilens = torch.as_tensor(ilens)
        elayer_states = []
        for layer in range(self.elayers):
            rnn = getattr(self, ("birnn" if self.bidir else "rnn") + str(layer))
            rnn.flatten_parameters()
            state = None if prev_state is None else prev_state[layer]
            xs_pad, state = run_ragged(rnn, xs_pad, ilens, state)
            elayer_states.append(state)
            sub = int(self.subsample[layer + 1])
            last = layer == self.elayers - 1
            if sub > 1:
                ilens = (ilens + 1) // sub
                frames = xs_pad.size(1)
                xs_pad = xs_pad[:, ::sub]
                xs_pad = xs_pad if last else xs_pad[:, : (frames + 1) // sub]
            xs_pad = getattr(self, "bt" + str(layer))(xs_pad)
            if not last:
                xs_pad = torch.tanh(F.dropout(xs_pad, self.dropout, self.training))
        return xs_pad, ilens, elayer_states


class RNN:
    def forward(self, xs_pad, ilens, prev_state=None):
        """Run the layers.

        Args:
            xs_pad: (B, T, idim).
            ilens: (B,).
            prev_state: State of the layers.

        Returns:
            (B, T, hdim), lengths (B,), and the state.

        """
        self.nbrnn.flatten_parameters()
        if prev_state is not None and self.nbrnn.bidirectional:
            prev_state = reset_backward_rnn_state(prev_state)
        ilens = torch.as_tensor(ilens)
        ys_pad, state = run_ragged(self.nbrnn, xs_pad, ilens, prev_state)
        return torch.tanh(self.l_last(ys_pad)), ilens, state


class VGG2L:
    def forward(self, xs_pad, ilens, **kwargs):
        """Run the convolutions.

        Args:
            xs_pad: (B, T, idim).
            ilens: (B,).

        Returns:
            (B, T / 4, 128 * idim / 4), both rounded up, lengths (B,), and None.

        """
        xs_pad = xs_pad.unflatten(2, (self.in_channel, -1)).transpose(1, 2)
        ilens = torch.as_tensor(ilens)
        for first, second in (
            (self.conv1_1, self.conv1_2),
            (self.conv2_1, self.conv2_2),
        ):
            xs_pad = F.relu(second(F.relu(first(xs_pad))))
            xs_pad = F.max_pool2d(xs_pad, 2, stride=2, ceil_mode=True)
            ilens = (ilens + 1) // 2
        return xs_pad.transpose(1, 2).flatten(2), ilens, None
