"""A local web application with which graders review a class: `gradkit review DIR --serve`.

Everything is stored in the class file by the functions that the commands call, so that a page and
a command never disagree:

=====================  ===================================  ===========================
a grader               is stored by                         table of the class file
=====================  ===================================  ===========================
sets points            ``store.counted.override``           ``overrides``
prices a finding       ``remark.remark_class``              ``prices``, ``results``
withdraws a finding    the same                             ``drops``, ``results``
accepts held marks     the same                             ``runs``, ``results``
does so for a student  ``store.finding_decisions``          ``overrides``
writes a comment       ``store.reviews.add_comment``        ``comments``
marks as reviewed      ``store.reviews.set_reviewed``       ``reviews``
=====================  ===================================  ===========================

Each of these is a run with the name of the grader, and one transaction. A form states the revision
that its page showed. If the revision has changed, nothing is stored: the page is shown again with
the newer value, and with what the grader has typed.

The server listens on 127.0.0.1 alone. All addresses begin with a random token, which another
account of the machine does not know. `guard` refuses other hosts and origins. Pages are made on
the server, from templates that escape all values; they load a style and a script of this package.

Modules: `workspace` opens the class and keeps what is slow to compute; `selection`, `student`,
`across`, `items`, `similarity` and `compare` make the data of a page; `forms` reads what a grader
has sent and stores it; `app` has the routes, `server` starts it.
"""
