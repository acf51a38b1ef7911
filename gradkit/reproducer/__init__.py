"""Dispute a finding: see it happen in a script of one's own, without gradkit.

`show` looks a finding up in a result file, reads the student's code again from where it
was, and writes a script with that code, the input at which it failed, and the number that
comes out. Where expected numbers may be shown, the script computes the right one too, from
differences of the loss. Then the script is run, to see that the recorded number comes out.
"""

from gradkit.reproducer.recorded import ReproducerError, find, findings_in, findings_of
from gradkit.reproducer.show import Shown, run_again, show

__all__ = ["ReproducerError", "Shown", "find", "findings_in", "findings_of", "run_again", "show"]
