"""Subjects are found by a key that all spellings of a pseudonym share.

Where a project has two spellings already, which are one patient only people know. Of these the first keeps the key,
so later uploads go there; the others get one no pseudonym can have.
"""

from django.db import migrations, models

import annotation.models.clips


def fill_keys(apps, schema_editor):
    Subject = apps.get_model("annotation", "Subject")
    taken = set()
    for subject in Subject.objects.order_by("pk").iterator():
        key = annotation.models.clips.subject_key(subject.pseudonym)
        if (subject.project_id, key) in taken:
            key = f"{key} #{subject.pk}"
        taken.add((subject.project_id, key))
        Subject.objects.filter(pk=subject.pk).update(key=key)


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0002_indexes_for_queues_and_activity"),
    ]

    operations = [
        migrations.AddField(
            model_name="subject",
            name="key",
            field=annotation.models.clips.SubjectKey(default="", editable=False, max_length=200),
            preserve_default=False,
        ),
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="subject",
            constraint=models.UniqueConstraint(fields=("project", "key"), name="subject_key_unique"),
        ),
    ]
